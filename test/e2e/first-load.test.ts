import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

const folder = join(import.meta.dirname, '../../dist-web')
const html = readFileSync(join(folder, 'index.html'), 'utf8')
const KIB = 1024
const MOST = 350 * KIB

/** Scripts and styles that a file asks for before it runs: static imports, not those that wait for a page to be opened. */
function asked(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  if (!file.endsWith('.js')) return seen
  const text = readFileSync(join(folder, 'assets', file), 'utf8')
  for (const [, other] of text.matchAll(/(?:\bfrom|\bimport)\s*["']\.\/([\w.-]+\.js)["']/g)) asked(other as string, seen)
  return seen
}

test('the first load is 350 KiB compressed at most: what index.html names, and the overview', () => {
  const named = [...html.matchAll(/assets\/([\w.-]+\.(?:js|css))/g)].map(([, file]) => file as string)
  assert.ok(named.some((file) => file.endsWith('.js')) && named.some((file) => file.endsWith('.css')), html)
  const main = named.find((file) => file.endsWith('.js')) as string
  const overview = /\.\/(overview-[\w-]+\.js)/.exec(readFileSync(join(folder, 'assets', main), 'utf8'))?.[1]
  assert.ok(overview, 'the overview is loaded by itself')
  const files = new Set<string>()
  for (const file of [...named, overview]) asked(file, files)
  const sizes = [...files].map((file) => [file, gzipSync(readFileSync(join(folder, 'assets', file))).length] as const)
  const sum = sizes.reduce((all, [, size]) => all + size, 0)
  assert.ok(sum > 100 * KIB, `${sum} bytes are too few to be the page: ${JSON.stringify(sizes)}`)
  assert.ok(sum <= MOST, `${sum} bytes: ${JSON.stringify(sizes)}`)
})

test('the page has nothing inline and asks no other address for anything', () => {
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]*\bsrc=)/)
  for (const [, address] of html.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(address as string, /^\/[^/]/)
})
