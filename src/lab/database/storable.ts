import type { Value } from '../pool.ts'

/** The first character that XML can't hold; the surrogates of a pair don't count. */
const UNSTORABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/**
 * A value as XAPI's database keeps it: texts end before the first character that XML can't hold
 * (ensure_utf8_xml in xen-api ocaml/database/db_cache_impl.ml).
 */
export function storable(value: Value): Value {
  switch (typeof value) {
    case 'string': {
      const at = value.search(UNSTORABLE)
      return at < 0 ? value : value.slice(0, at)
    }
    case 'object':
      if (Array.isArray(value)) return value.some((one) => storable(one) !== one) ? value.map(storable) : value
      return storableMap(value as Readonly<Record<string, Value>>)
    default:
      return value
  }
}

function storableMap(map: Readonly<Record<string, Value>>): Value {
  const entries = Object.entries(map)
  if (entries.every(([key, value]) => storable(key) === key && storable(value) === value)) return map
  return Object.fromEntries(entries.map(([key, value]) => [storable(key), storable(value)]))
}
