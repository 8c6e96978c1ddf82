/** Messages: notes about objects for administrators (ocaml/xapi/xapi_message.ml). */
import { parseXapiDate, xapiDate } from '../database/xapi-date.ts'
import { type LabPool, type MessageTable, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { text } from './fields.ts'
import type { ClassPart } from './tables.ts'

/** The oldest go when there are more (message_limit, ocaml/xapi/xapi_globs.ml). */
const LIMIT = 10_000

/** Classes that a message may be about, by the name it gives them. */
const CLASSES: Readonly<Record<string, string>> = { VM: 'VM', Host: 'host', SR: 'SR', Pool: 'pool', VDI: 'VDI', Certificate: 'Certificate' }

export interface Note {
  readonly name: string
  /** 1 (critical) to 5 (information). */
  readonly priority: number
  readonly cls: string
  readonly obj_uuid: string
  readonly body: string
}

export function leaveMessage(pool: LabPool, note: Note): Refstring {
  const { db } = pool
  const refs = db.refs('message')
  if (refs.length >= LIMIT) for (const ref of refs.slice(0, refs.length - LIMIT + 1)) db.delete('message', ref)
  return db.create('message', { ...note, timestamp: xapiDate(pool.now()) })
}

function records(pool: LabPool, wanted: (message: Row) => boolean): Value {
  const all = pool.db.refs('message').map((ref) => [ref, pool.db.get('message', ref)] as const)
  return Object.fromEntries(all.filter(([, row]) => wanted(row)))
}

const after = (row: Row, since: string) => (parseXapiDate(text(row, 'timestamp')) ?? 0) > (parseXapiDate(since) ?? 0)

function destroy(pool: LabPool, ref: Refstring): void {
  pool.db.get('message', ref)
  pool.db.delete('message', ref)
}

const messages: MessageTable = {
  'message.create': ({ pool }, name: string, priority: number, cls: string, uuid: string, body: string) => {
    const className = CLASSES[cls]
    if (className !== undefined && pool.db.byUuid(className, uuid) === undefined) throw new XapiFailure('UUID_INVALID', [cls, uuid])
    return leaveMessage(pool, { name, priority, cls, obj_uuid: uuid, body })
  },
  'message.destroy': ({ pool }, ref: Refstring) => {
    destroy(pool, ref)
    return undefined
  },
  'message.destroy_many': ({ pool }, refs: readonly Refstring[]) => {
    for (const ref of refs) destroy(pool, ref)
    return undefined
  },
  'message.destroy_all': ({ pool }, filters: Readonly<Record<string, string>>) => {
    const wanted = (row: Row) =>
      (filters.after === undefined || after(row, filters.after)) &&
      (filters.before === undefined || !after(row, filters.before)) &&
      (filters.priority === undefined || String(row.priority) === filters.priority)
    for (const ref of pool.db.refs('message')) if (wanted(pool.db.get('message', ref))) pool.db.delete('message', ref)
    return undefined
  },
  'message.get': ({ pool }, cls: string, uuid: string, since: string) =>
    records(pool, (row) => row.cls === cls && row.obj_uuid === uuid && after(row, since)),
  'message.get_since': ({ pool }, since: string) => records(pool, (row) => after(row, since)),
  'message.get_all': ({ pool }) => pool.db.refs('message'),
  'message.get_all_records': ({ pool }) => records(pool, () => true),
  // XAPI gives every record here, whatever the expression.
  'message.get_all_records_where': ({ pool }) => records(pool, () => true),
  'message.get_record': ({ pool }, ref: Refstring) => pool.db.get('message', ref),
  'message.get_by_uuid': ({ pool }, uuid: string) => {
    const ref = pool.db.byUuid('message', uuid)
    if (ref === undefined) throw new XapiFailure('UUID_INVALID', ['message', uuid])
    return ref
  },
}

export const messagePart: ClassPart = { messages }
