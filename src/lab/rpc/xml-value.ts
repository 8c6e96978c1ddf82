/** Values as XML-RPC writes them in XAPI: integers as decimal strings, dates and booleans and floats with their own elements. */
import { classes, mapTypes } from '../../xapi/model.ts'
import type { Value } from '../pool.ts'

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

/** Text for XML; characters that XML can't hold become U+FFFD. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[&<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, (char) => ESCAPES[char] ?? '\ufffd')
}

/** The inside of a `<value>` element; `type` is the model's. Strings carry no element of their own. */
export function xmlValue(value: Value, type: string): string {
  switch (typeof value) {
    case 'string':
      return type === 'datetime' ? `<dateTime.iso8601>${escapeXml(value)}</dateTime.iso8601>` : escapeXml(value)
    case 'boolean':
      return `<boolean>${value ? 1 : 0}</boolean>`
    case 'number':
      if (type === 'float') return `<double>${value}</double>`
      if (type === 'int32') return `<i4>${value}</i4>`
      return Number.isInteger(value) ? String(value) : `<double>${value}</double>`
  }
  if (Array.isArray(value)) {
    const inner = type.endsWith(' set') ? type.slice(0, -4) : ''
    return `<array><data>${value.map((one: Value) => `<value>${xmlValue(one, inner)}</value>`).join('')}</data></array>`
  }
  const typeOfMember = memberTypes(type, value as Record<string, Value>)
  const members = Object.entries(value as Record<string, Value>).map(
    ([key, one]) => `<member><name>${escapeXml(key)}</name><value>${xmlValue(one, typeOfMember(key))}</value></member>`,
  )
  return `<struct>${members.join('')}</struct>`
}

const EVENT = 'event record'

/** Types of the members of a struct: those of a map, of a record's fields, of the batch that event.from gives. */
function memberTypes(type: string, value: Record<string, Value>): (key: string) => string {
  if (type.endsWith(' map')) {
    const [, valueType] = mapTypes(type)
    return () => valueType
  }
  if (type === 'an event batch') {
    return (key) => (key === 'events' ? `${EVENT} set` : key === 'valid_ref_counts' ? '(string -> int32) map' : 'string')
  }
  if (type === EVENT) {
    // Everything but the snapshot is a string, the number and the time too (xen-api ocaml/xapi-types/event_types.ml).
    const snapshot = snapshotType(String(value.class))
    return (key) => (key === 'snapshot' ? snapshot : 'string')
  }
  if (type.endsWith(' record')) {
    const fields = classes[type.slice(0, -7)]?.fields
    return (key) => fields?.[key]?.[0] ?? ''
  }
  return () => ''
}

const byLowerCase = new Map(Object.keys(classes).map((name) => [name.toLowerCase(), name]))
const snapshotType = (lowerCase: string) => `${byLowerCase.get(lowerCase.toLowerCase()) ?? lowerCase} record`
