/** What a field holds when nobody gave it a value, by its type in the data model. */
import { enums } from '../../xapi/model.ts'
import type { Value } from '../pool.ts'

/** XAPI's "never". */
export const NEVER = '19700101T00:00:00Z'
export const NULL = 'OpaqueRef:NULL'

export function emptyValue(type: string): Value {
  if (type.endsWith(' set')) return []
  if (type.endsWith(' map')) return {}
  if (type.endsWith(' ref')) return NULL
  if (type.startsWith('enum ')) return enums[type.slice(5)]?.[0] ?? ''
  switch (type) {
    case 'int':
    case 'float':
      return 0
    case 'bool':
      return false
    case 'datetime':
      return NEVER
    default:
      return ''
  }
}
