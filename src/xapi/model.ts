/** The XAPI data model as data, for whoever serves or checks calls at run time. Types for callers are in records.generated.ts. */
import { classes, enums } from './model.generated.ts'

/** `[type, qualifier]`; types as XAPI writes them: `string`, `VM ref set`, `(string -> string) map`, `enum vdi_type`… */
export type ModelField = readonly [type: string, qualifier: string]
/** `[params, result type]`; a parameter is `[name, type, optional?]`. The session is not among them. */
export type ModelMessage = readonly [params: readonly (readonly [string, string, boolean?])[], result: string]

export interface ModelClass {
  readonly fields: Readonly<Record<string, ModelField>>
  /** Getters, setters and the like, which follow from the fields. */
  readonly implied: readonly string[]
  readonly messages: Readonly<Record<string, ModelMessage>>
}

export { classes, enums }

/** Signature of a message of a class, explicit or implied; undefined when there is none. */
export function messageOf(className: string, message: string): ModelMessage | undefined {
  const found = classes[className]
  if (!found) return undefined
  const explicit = Object.hasOwn(found.messages, message) ? found.messages[message] : undefined
  if (explicit) return explicit
  if (!found.implied.includes(message)) return undefined
  return impliedMessage(className, found, message)
}

function impliedMessage(className: string, found: ModelClass, message: string): ModelMessage | undefined {
  const self = ['self', `${className} ref`] as const
  const fieldType = (prefix: string) => found.fields[message.slice(prefix.length)]?.[0]
  switch (message) {
    case 'get_all':
      return [[], `${className} ref set`]
    case 'get_all_records':
      return [[], `(${className} ref -> ${className} record) map`]
    case 'get_all_records_where':
      return [[['expr', 'string']], `(${className} ref -> ${className} record) map`]
    case 'get_record':
      return [[self], `${className} record`]
    case 'get_by_uuid':
      return [[['uuid', 'string']], `${className} ref`]
    case 'get_by_name_label':
      return [[['label', 'string']], `${className} ref set`]
    case 'create':
      return [[['args', `${className} record`]], `${className} ref`]
    case 'destroy':
      return [[self], 'void']
  }
  for (const prefix of ['add_to_', 'remove_from_', 'get_', 'set_', 'add_', 'remove_'] as const) {
    const type = message.startsWith(prefix) ? fieldType(prefix) : undefined
    if (type === undefined) continue
    switch (prefix) {
      case 'get_':
        return [[self], type]
      case 'set_':
        return [[self, ['value', type]], 'void']
      case 'add_to_': {
        const [keyType, valueType] = mapTypes(type)
        return [[self, ['key', keyType], ['value', valueType]], 'void']
      }
      case 'remove_from_':
        return [[self, ['key', mapTypes(type)[0]]], 'void']
      case 'add_':
      case 'remove_':
        return [[self, ['value', type.replace(/ set$/, '')]], 'void']
    }
  }
  return undefined
}

/** Key and value types of a map type. */
export function mapTypes(type: string): [key: string, value: string] {
  const found = /^\((.*?) -> (.*)\) map$/.exec(type)
  return found ? [found[1] as string, found[2] as string] : ['string', 'string']
}
