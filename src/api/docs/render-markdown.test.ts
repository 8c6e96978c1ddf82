import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { asCode, ERROR_AREAS } from '../../core/errors/registry.ts'
import { renderMarkdown } from './render-markdown.ts'

const folder = join(import.meta.dirname, '../../../docs')
const html = (text: string) => renderMarkdown(text).html

test('each error code has an anchor in the rendered page of errors', () => {
  const page = html(readFileSync(join(folder, 'errors.md'), 'utf8'))
  const missing = Object.values(ERROR_AREAS)
    .flatMap((area) => Object.keys(area).map((name) => asCode(name)))
    .filter((code) => !page.includes(`<span id="${code}">`))
  assert.deepEqual(missing, [])
})

test('no document comes out with Markdown left in it, and each link within the documentation leads to an anchor that is there', () => {
  const rendered = new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => [name, html(readFileSync(join(folder, name), 'utf8'))]),
  )
  assert.ok(rendered.size > 10)
  for (const [name, page] of rendered) {
    const text = page.replaceAll(/<pre[\s\S]*?<\/pre>|<code>[\s\S]*?<\/code>/g, '').replaceAll(/<[^>]*>/g, '')
    assert.doesNotMatch(text, /\]\(|^#{1,6} |^\||\*\*|`/m, name)
    for (const [, file = '', anchor] of page.matchAll(/href="([\w-]+\.md)?(?:#([^"]+))?"/g)) {
      const target = rendered.get(file === '' ? name : file)
      assert.ok(target, `${name}: ${file}`)
      if (anchor !== undefined) assert.ok(target.includes(`id="${anchor}"`), `${name}: ${file}#${anchor}`)
    }
  }
})

test('HTML in a document is text; links lead to our files or to https only', () => {
  assert.equal(html('<script>a</script> & "b"'), '<p>&lt;script&gt;a&lt;/script&gt; &amp; &quot;b&quot;</p>')
  assert.doesNotMatch(html('[x](javascript:alert) [y](//else.example) [z](data:text)'), /<a /)
  assert.equal(html('[`a`](https://b.example/c)'), '<p><a href="https://b.example/c"><code>a</code></a></p>')
  assert.doesNotMatch(html('`<b>` <img src=x onerror=y>'), /<(b|img)/)
})

test('lists go deeper, tables have their code as anchor, code is left alone', () => {
  assert.equal(html('- a\n  - b\n- c'), '<ul>\n<li>a\n<ul>\n<li>b\n</li>\n</ul>\n</li>\n<li>c\n</li>\n</ul>')
  assert.match(
    html('| code | x |\n|---|---|\n| `A_B` | `c \\| d` |'),
    /<tr><td><span id="A_B"><\/span><code>A_B<\/code><\/td><td><code>c \| d<\/code><\/td>/,
  )
  assert.equal(html('```\n**a** <b>\n```'), '<pre tabindex="0"><code>**a** &lt;b&gt;</code></pre>')
})
