/**
 * A small XML reader for calls: elements and text, nothing else. White space in text is kept as it is, which general readers
 * make hard. No document types, so no entities of the sender's; depth is bounded.
 */
export interface Element {
  readonly name: string
  readonly children: Element[]
  /** All text directly inside, put together. */
  text: string
}

export class XmlError extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'XmlError'
  }
}

const MAX_DEPTH = 100
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ILLEGAL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const TAG = /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y

/** The root element. Throws XmlError. */
export function parseXml(source: string): Element {
  if (ILLEGAL.test(source)) throw new XmlError('a character that XML does not have')
  const stack: Element[] = []
  let root: Element | undefined
  let at = source.charCodeAt(0) === 0xfeff ? 1 : 0
  const skipTo = (mark: string, from: number) => {
    const end = source.indexOf(mark, from)
    if (end < 0) throw new XmlError(`"${mark}" is missing`)
    return end
  }
  while (at < source.length) {
    const top = stack.at(-1)
    if (source[at] !== '<') {
      const next = source.indexOf('<', at)
      const end = next < 0 ? source.length : next
      const text = source.slice(at, end)
      if (top) top.text += decodeText(text)
      else if (text.trim() !== '') throw new XmlError('text outside of the root element')
      at = end
    } else if (source.startsWith('<?', at)) at = skipTo('?>', at) + 2
    else if (source.startsWith('<!--', at)) at = skipTo('-->', at + 4) + 3
    else if (source.startsWith('<![CDATA[', at)) {
      const end = skipTo(']]>', at)
      if (!top) throw new XmlError('text outside of the root element')
      top.text += source.slice(at + 9, end)
      at = end + 3
    } else {
      TAG.lastIndex = at
      const found = TAG.exec(source)
      if (!found) throw new XmlError('a tag is broken')
      at = TAG.lastIndex
      const [, closing, name = '', , empty] = found
      if (closing) {
        if (top?.name !== name) throw new XmlError(`</${name}> closes nothing`)
        stack.pop()
        continue
      }
      const element: Element = { name, children: [], text: '' }
      if (top) top.children.push(element)
      else if (root) throw new XmlError('a second root element')
      else root = element
      if (empty) continue
      if (stack.length >= MAX_DEPTH) throw new XmlError('nested too deeply')
      stack.push(element)
    }
  }
  if (!root || stack.length > 0) throw new XmlError('the document ends too early')
  return root
}

function decodeText(text: string): string {
  const normal = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  if (!normal.includes('&')) return normal
  return normal.replace(/&([^;&]*);?/g, (whole, name: string) => {
    if (!whole.endsWith(';')) throw new XmlError('an entity has no end')
    const known = ENTITIES[name]
    if (known !== undefined) return known
    const number = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name)
    const code = number ? Number.parseInt(number[1] ?? number[2] ?? '', number[1] ? 16 : 10) : -1
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new XmlError(`no such entity: ${name}`)
    const char = String.fromCodePoint(code)
    if (ILLEGAL.test(char)) throw new XmlError(`no such character: ${name}`)
    return char
  })
}
