/**
 * The result of a task: the value in its XML-RPC form inside a string, over JSON-RPC too (ocaml/xapi/taskHelper.ml). References,
 * strings and other scalars come back as text, sets of them as lists, nothing as undefined.
 */

/** Throws TypeError on text that is no such value, or one (struct, nested set) that no call of ours has. */
export function decodeTaskResult(text: string): string | string[] | undefined {
  if (text.trim() === '') return undefined
  const value = inside(text, 'value')
  if (value === undefined) throw new TypeError('task result is not an XML-RPC value')
  if (value.trim() === '') return undefined
  const data = arrayData(value)
  if (data === undefined) return scalar(value)
  const items: string[] = []
  for (let rest = data.trim(); rest !== ''; ) {
    const empty = /^<value\s*\/>/.exec(rest)?.[0]
    const end = empty?.length ?? rest.indexOf('</value>') + '</value>'.length
    const item = empty ? '' : inside(rest.slice(0, end), 'value')
    if (item === undefined) throw new TypeError('task result holds a set that is not one of plain values')
    items.push(scalar(item))
    rest = rest.slice(end).trim()
  }
  return items
}

/** What stands between the tags of an element that the text consists of; undefined when it doesn't. */
function inside(text: string, tag: string): string | undefined {
  const whole = text.trim()
  if (whole === `<${tag}/>` || whole === `<${tag} />`) return ''
  if (!whole.startsWith(`<${tag}>`) || !whole.endsWith(`</${tag}>`)) return undefined
  const content = whole.slice(tag.length + 2, -(tag.length + 3))
  return content
}

function arrayData(value: string): string | undefined {
  const array = inside(value, 'array')
  if (array === undefined) return undefined
  const data = inside(array, 'data')
  if (data === undefined) throw new TypeError('task result holds an array without data')
  return data
}

const SCALARS = ['string', 'int', 'i4', 'i8', 'boolean', 'double', 'dateTime.iso8601']

function scalar(value: string): string {
  if (!value.includes('<')) return unescaped(value)
  for (const tag of SCALARS) {
    const content = inside(value, tag)
    if (content !== undefined && !content.includes('<')) return unescaped(content)
  }
  throw new TypeError('task result is a structure')
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const point = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}
