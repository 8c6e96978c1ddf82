/** Messages that only touch the database: getters, setters, maps, sets, records, plain constructors. Made from the data model. */
import { classes } from '../../xapi/model.ts'
import { type Database, type Message, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { compileWhere } from './records-where.ts'
import type { Signature } from './signatures.ts'

/** The implementation of a message that follows from a field or from the class; undefined when it is not of that kind. */
export function fieldMessage({ className, message, params, implied }: Signature): Message | undefined {
  const fields = classes[className]?.fields ?? {}
  const fieldAfter = (prefix: string) => {
    const field = message.startsWith(prefix) ? message.slice(prefix.length) : ''
    return Object.hasOwn(fields, field) ? field : undefined
  }
  if (implied) {
    const whole = wholeClassMessage(className, message)
    if (whole) return whole
  }
  const type = (field: string | undefined) => (field === undefined ? undefined : fields[field]?.[0])
  let field = fieldAfter('add_to_')
  if (field && params.length === 3) {
    const map = field
    return ({ pool: { db } }, ref: Refstring, key: string, value: string) => {
      const before = db.get(className, ref)[map] as Row
      if (Object.hasOwn(before, key)) throw new XapiFailure('MAP_DUPLICATE_KEY', [className, map, ref, key])
      if (key === '') throw new XapiFailure('INTERNAL_ERROR', ['Db_exn.Empty_key_in_map'])
      db.update(className, ref, { [map]: { ...before, [key]: value } })
      return undefined
    }
  }
  field = fieldAfter('remove_from_')
  if (field && params.length === 2) {
    const map = field
    return ({ pool: { db } }, ref: Refstring, key: string) => {
      const { [key]: gone, ...rest } = db.get(className, ref)[map] as Row
      if (gone !== undefined) db.update(className, ref, { [map]: rest })
      return undefined
    }
  }
  field = fieldAfter('get_')
  if (field && params.length === 1) {
    const wanted = field
    return ({ pool: { db } }, ref: Refstring) => db.get(className, ref)[wanted]
  }
  field = fieldAfter('set_')
  if (field && params.length === 2 && params[1]?.[1] === type(field)) {
    const wanted = field
    return ({ pool: { db } }, ref: Refstring, value: Value) => {
      if (typeof value === 'object' && !Array.isArray(value) && Object.hasOwn(value, '')) {
        throw new XapiFailure('INTERNAL_ERROR', ['Db_exn.Empty_key_in_map'])
      }
      db.update(className, ref, { [wanted]: value })
      return undefined
    }
  }
  field = fieldAfter('add_')
  if (field && params.length === 2) {
    const set = field
    return ({ pool: { db } }, ref: Refstring, value: Value) => {
      const before = db.get(className, ref)[set] as Value[]
      if (!before.includes(value)) db.update(className, ref, { [set]: [...before, value] })
      return undefined
    }
  }
  field = fieldAfter('remove_')
  if (field && params.length === 2) {
    const set = field
    return ({ pool: { db } }, ref: Refstring, value: Value) => {
      const before = db.get(className, ref)[set] as Value[]
      db.update(className, ref, { [set]: before.filter((one) => one !== value) })
      return undefined
    }
  }
  return undefined
}

function wholeClassMessage(className: string, message: string): Message | undefined {
  switch (message) {
    case 'get_all':
      return ({ pool: { db } }) => db.refs(className)
    case 'get_all_records':
      return ({ pool: { db } }) => records(db, className, () => true)
    case 'get_all_records_where':
      return ({ pool: { db } }, expression: string) => records(db, className, compileWhere(className, expression))
    case 'get_record':
      return ({ pool: { db } }, ref: Refstring) => db.get(className, ref)
    case 'get_by_uuid':
      return ({ pool: { db } }, uuid: string) => {
        const ref = db.byUuid(className, uuid)
        if (ref === undefined) throw new XapiFailure('UUID_INVALID', [className, uuid])
        return ref
      }
    case 'get_by_name_label':
      return ({ pool: { db } }, label: string) => db.refs(className).filter((ref) => db.get(className, ref).name_label === label)
    case 'create':
      return ({ pool: { db } }, fields: Row) => db.create(className, fields)
    case 'destroy':
      return ({ pool: { db } }, ref: Refstring) => {
        db.delete(className, ref)
        return undefined
      }
  }
  return undefined
}

function records(db: Database, className: string, wanted: (row: Row) => boolean): Value {
  const out: Record<string, Value> = {}
  for (const ref of db.refs(className)) {
    const row = db.get(className, ref)
    if (wanted(row)) out[ref] = row
  }
  return out
}
