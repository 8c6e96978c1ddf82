import { type Database, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { tasksOf } from './tasks.ts'

const alive = (db: Database, ref: Refstring) => {
  if (!db.find('task', ref)) throw new XapiFailure('HANDLE_INVALID', ['task', ref])
}

/** The rest of class task comes from its fields: the owner may set status, progress, result and error_info as it likes. */
export const taskMessages: MessageTable = {
  'task.create': ({ pool, session }, label: string, description: string) => tasksOf(pool).create({ label, description, session }),
  'task.destroy': ({ pool }, ref: Refstring) => {
    alive(pool.db, ref)
    tasksOf(pool).destroy(ref)
    return undefined
  },
  'task.cancel': ({ pool }, ref: Refstring) => {
    alive(pool.db, ref)
    tasksOf(pool).cancel(ref)
    return undefined
  },
}
