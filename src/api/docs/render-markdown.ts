/**
 * Our documentation as HTML: the part of Markdown that it uses (headings, paragraphs, lists, tables, code, links, pictures, emphasis).
 * Everything else comes out as its own text; there is no way for HTML into it.
 */

export interface RenderedDocument {
  readonly title: string
  readonly html: string
  readonly headings: readonly { readonly level: number; readonly id: string; readonly text: string }[]
}

/** @param text Markdown */
export function renderMarkdown(text: string): RenderedDocument {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const writer = new Writer()
  for (let at = 0; at < lines.length; ) at = block(lines, at, writer)
  return { title: writer.headings[0]?.text ?? '', html: writer.html.join('\n'), headings: writer.headings }
}

class Writer {
  readonly html: string[] = []
  readonly headings: { level: number; id: string; text: string }[] = []
  readonly #ids = new Set<string>()

  heading(level: number, source: string): void {
    const plain = source.replaceAll(/[`*]/g, '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const id = this.ownId(slug(plain))
    this.headings.push({ level, id, text: plain })
    this.html.push(`<h${level} id="${id}">${inline(source)}</h${level}>`)
  }

  /** The same text twice has two anchors. */
  ownId(wished: string): string {
    let id = wished
    for (let nth = 1; this.#ids.has(id); nth++) id = `${wished}-${nth}`
    this.#ids.add(id)
    return id
  }
}

const FENCE = /^\s*```/
const ITEM = /^(\s*)(?:[-*]|(\d+)\.)\s+(.*)$/
const CODE_CELL = /^`[A-Z][A-Z0-9_]+`([,\s]+(and\s+)?`[A-Z][A-Z0-9_]+`)*$/

/** Writes the block that begins at a line; the line after it. */
function block(lines: readonly string[], at: number, writer: Writer): number {
  const line = lines[at] as string
  if (line.trim() === '' || /^<!--.*-->$/.test(line.trim())) return at + 1
  if (FENCE.test(line)) return fence(lines, at, writer)
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line)
  if (heading) {
    writer.heading((heading[1] as string).length, heading[2] as string)
    return at + 1
  }
  if (line.startsWith('|') && /^\|[\s:|-]+\|?\s*$/.test(lines[at + 1] ?? '')) return table(lines, at, writer)
  if (ITEM.test(line)) return list(lines, at, writer)
  if (line.startsWith('>')) return quote(lines, at, writer)
  let end = at + 1
  while (end < lines.length && !startsBlock(lines[end] as string)) end++
  writer.html.push(`<p>${inline(lines.slice(at, end).join('\n'))}</p>`)
  return end
}

const startsBlock = (line: string): boolean =>
  line.trim() === '' || FENCE.test(line) || /^#{1,6}\s/.test(line) || line.startsWith('|') || line.startsWith('>') || ITEM.test(line)

function fence(lines: readonly string[], at: number, writer: Writer): number {
  let end = at + 1
  while (end < lines.length && !FENCE.test(lines[end] as string)) end++
  // What scrolls has to be reached by keyboard.
  writer.html.push(`<pre tabindex="0"><code>${escapeHtml(lines.slice(at + 1, end).join('\n'))}</code></pre>`)
  return end + 1
}

function quote(lines: readonly string[], at: number, writer: Writer): number {
  let end = at
  while (lines[end]?.startsWith('>')) end++
  const text = lines.slice(at, end).map((line) => line.replace(/^>\s?/, ''))
  writer.html.push(`<blockquote><p>${inline(text.join('\n'))}</p></blockquote>`)
  return end
}

/** Items go on in lines that are indented; deeper items are lists of their own. */
function list(lines: readonly string[], at: number, writer: Writer): number {
  const [, indent = '', number] = ITEM.exec(lines[at] as string) ?? []
  const tag = number === undefined ? 'ul' : 'ol'
  writer.html.push(number === undefined || number === '1' ? `<${tag}>` : `<${tag} start="${Number(number)}">`)
  let next = at
  for (;;) {
    const item = ITEM.exec(lines[next] ?? '')
    if (item === null || (item[1] as string).length !== indent.length || (item[2] === undefined) !== (number === undefined)) break
    const text = [item[3] as string]
    next++
    const deeper: string[] = []
    while (next < lines.length) {
      const line = lines[next] as string
      const isBlankInside = line.trim() === '' && new RegExp(`^\\s{${indent.length + 2},}\\S`).test(lines[next + 1] ?? '')
      if (!isBlankInside && (line.trim() === '' || !line.startsWith(`${indent}  `))) break
      if (deeper.length > 0 || isBlankInside || startsBlock(line.trimStart())) deeper.push(line)
      else text.push(line.trim())
      next++
    }
    writer.html.push(`<li>${inline(text.join('\n'))}`)
    const least = Math.min(...deeper.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)))
    const inner = deeper.map((line) => line.slice(least))
    for (let inside = 0; inside < inner.length; ) inside = block(inner, inside, writer)
    writer.html.push('</li>')
  }
  writer.html.push(`</${tag}>`)
  return next
}

function table(lines: readonly string[], at: number, writer: Writer): number {
  const row = (line: string) =>
    line
      .trim()
      .replace(/^\|/, '')
      .replace(/\|$/, '')
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|'))
  writer.html.push('<div class="table" tabindex="0"><table>')
  const heads = row(lines[at] as string).map((cell) => `<th scope="col">${inline(cell)}</th>`)
  writer.html.push(`<thead><tr>${heads.join('')}</tr></thead><tbody>`)
  let end = at + 2
  for (; lines[end]?.startsWith('|'); end++) {
    const cells = row(lines[end] as string)
    // Codes are what problems link to.
    const codes = CODE_CELL.test(cells[0] ?? '') ? [...(cells[0] as string).matchAll(/`(\w+)`/g)].map(([, code]) => code as string) : []
    const anchors = codes.map((code) => `<span id="${writer.ownId(code)}"></span>`).join('')
    writer.html.push(`<tr>${cells.map((cell, nth) => `<td>${nth === 0 ? anchors : ''}${inline(cell)}</td>`).join('')}</tr>`)
  }
  writer.html.push('</tbody></table></div>')
  return end
}

/** Code is put aside first: nothing in it means anything. */
function inline(text: string): string {
  const codes: string[] = []
  const without = text.replaceAll('\0', '').replaceAll(/(`+)([\s\S]*?[^`])\1(?!`)/g, (_whole, _ticks, code: string) => {
    codes.push(`<code>${escapeHtml(code.trim())}</code>`)
    return `\0${codes.length - 1}\0`
  })
  return marked(without).replaceAll(/\0(\d+)\0/g, (_whole, nth: string) => codes[Number(nth)] ?? '')
}

function marked(text: string): string {
  return escapeHtml(text)
    .replaceAll(/!\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, alt: string, to: string) => (isOurs(to) ? `<img src="${to}" alt="${alt}">` : whole))
    .replaceAll(/\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, label: string, to: string) =>
      isOurs(to) || /^https:\/\//.test(to) ? `<a href="${to}">${label}</a>` : whole,
    )
    .replaceAll(/&lt;(https:\/\/[^\s&]+)&gt;/g, '<a href="$1">$1</a>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replaceAll(/(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])/g, '<em>$1</em>')
}

/** A file of the documentation, or a place in this one. */
const isOurs = (to: string): boolean => /^(\.\.\/)?[\w./-]*(#[\w.-]*)?$/.test(to) && !to.startsWith('//')

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
