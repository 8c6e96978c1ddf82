/**
 * Parameters as they come from the wire, to values of the model's types. As lenient as XAPI: an integer may come as a decimal string,
 * a float as an integer; anything else of the wrong type is INTERNAL_ERROR, which is how XAPI tells of failed unmarshalling.
 */
import { classes, enums, mapTypes } from '../../xapi/model.ts'
import { type Value, XapiFailure } from '../pool.ts'
import { requiredFields } from './required-fields.ts'

export function convert(type: string, value: unknown): Value {
  if (type.endsWith(' set')) {
    if (!Array.isArray(value)) throw mismatch(type, value)
    const inner = type.slice(0, -4)
    return value.map((element) => convert(inner, element))
  }
  if (type.endsWith(' map')) {
    const [keyType, valueType] = mapTypes(type)
    const out: Record<string, Value> = Object.create(null) as Record<string, Value>
    for (const [key, element] of Object.entries(struct(type, value))) out[String(convert(keyType, key))] = convert(valueType, element)
    return { ...out }
  }
  if (type.endsWith(' record')) return convertRecord(type.slice(0, -7), type, value)
  if (type.startsWith('enum ')) {
    const values = enums[type.slice(5)] ?? []
    if (typeof value !== 'string') throw mismatch(type, value)
    // The generated unmarshallers compare in lower case (xen-api ocaml/idl/ocaml_backend/gen_api.ml).
    const found = values.find((name) => name.toLowerCase() === value.toLowerCase())
    if (found === undefined) throw mismatch(type, value)
    return found
  }
  switch (type) {
    case 'int':
      return integer(value)
    case 'float':
      if (typeof value === 'number') return value
      if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))) return Number(value)
      throw mismatch(type, value)
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(type, value)
      return value
    default:
      if (typeof value !== 'string') throw mismatch(type, value)
      // Half a surrogate pair is no UTF-8 (gen_server.ml checks that first of all).
      if (!value.isWellFormed()) throw new XapiFailure('INVALID_VALUE', ['Invalid UTF-8 string in parameter', value.toWellFormed()])
      return value
  }
}

function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  if (typeof value === 'string' && /^[-+]?\d+$/.test(value)) return Number(value)
  throw mismatch('int', value)
}

function struct(type: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(type, value)
  return value as Record<string, unknown>
}

/** A record given to a constructor: only the fields that were given, and that the class has. */
function convertRecord(className: string, type: string, value: unknown): Value {
  const given = struct(type, value)
  const fields = classes[className]?.fields
  if (!fields) throw mismatch(type, value)
  const out: Record<string, Value> = {}
  for (const field of requiredFields(className)) {
    if (!Object.hasOwn(given, field)) throw new XapiFailure('INTERNAL_ERROR', [`Server_helpers.Dispatcher_FieldNotFound("${field}")`])
  }
  for (const [field, [fieldType, qualifier]] of Object.entries(fields)) {
    if (qualifier === 'RO/runtime' && !CONSTRUCTOR_EXTRAS.has(`${className}.${field}`)) continue
    if (Object.hasOwn(given, field)) out[field] = convert(fieldType, given[field])
  }
  return out
}

/** Runtime fields that constructors take all the same. */
const CONSTRUCTOR_EXTRAS: ReadonlySet<string> = new Set<string>([])

function mismatch(type: string, value: unknown): XapiFailure {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'a struct' : `a ${typeof value}`
  return new XapiFailure('INTERNAL_ERROR', [`Rpc unmarshalling: ${type} expected, ${kind} found`])
}
