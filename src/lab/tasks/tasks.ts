/** Tasks: their life, their end, who waits for their cancelling (xen-api ocaml/xapi/taskHelper.ml, xapi_task.ml, db_gc_util.ml). */
import { randomUUID } from 'node:crypto'
import { NULL } from '../database/empty-value.ts'
import { xapiDate } from '../database/xapi-date.ts'
import { type Call, type LabPool, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { xmlValue } from '../rpc/xml-value.ts'

export interface NewTask {
  readonly label: string
  readonly description?: string
  /** What may be done to it while it runs. */
  readonly allowed?: readonly string[]
  readonly subtaskOf?: Refstring
  /** Whose it is. */
  readonly session?: Refstring
}

export interface Tasks {
  create(task: NewTask): Refstring
  /** Progress of a pending task, 0 to 1; nothing when it has ended or is gone. */
  progress(ref: Refstring, fraction: number): void
  /** Ends a pending task well; `type` is the model's type of the value. Nothing when it has ended. */
  complete(ref: Refstring, value: Value | undefined, type: string): void
  /** Ends a pending task badly; TASK_CANCELLED makes it `cancelled`. Nothing when it has ended. */
  fail(ref: Refstring, failure: unknown): void
  cancel(ref: Refstring): void
  cancelled(ref: Refstring): boolean
  /** Removes the task, or marks one that has not ended, to be removed by the next sweep after its end. */
  destroy(ref: Refstring): void
  /** What a message is given of its task. */
  handle(ref: Refstring): NonNullable<Call['task']>
}

const ofPool = new WeakMap<LabPool, Tasks>()

/** The tasks of a pool. */
export function tasksOf(pool: LabPool): Tasks {
  const found = ofPool.get(pool)
  if (!found) throw new Error('this pool has no tasks')
  return found
}

export function createTasks(pool: LabPool): Tasks {
  const { db } = pool
  const isPending = (row: Row | undefined) => row?.status === 'pending'
  const end = (ref: Refstring, patch: Row) => {
    // The result is in place before the status says that it is: both are one change.
    db.update('task', ref, { progress: 1, finished: xapiDate(pool.now()), allowed_operations: [], ...patch })
  }
  const cancelled = (ref: Refstring) => {
    const row = db.find('task', ref)
    if (!row) return false
    return row.status === 'cancelled' || Object.values(row.current_operations as Row).includes('cancel')
  }
  const owners = new Map<Refstring, Refstring>()
  db.derive('session', 'tasks', (session) => [...owners].flatMap(([task, owner]) => (owner === session ? [task] : [])))
  db.onChange((className, ref, operation) => {
    if (className === 'task' && operation === 'del') owners.delete(ref)
  })
  const tasks: Tasks = {
    create({ label, description = '', allowed = [], subtaskOf = NULL, session }) {
      const ref = db.create('task', {
        name_label: label,
        name_description: description,
        allowed_operations: allowed,
        created: xapiDate(pool.now()),
        status: 'pending',
        resident_on: pool.refs.host,
        type: '<none/>',
        subtask_of: subtaskOf,
        backtrace: '()',
      })
      if (session !== undefined && db.find('session', session)) {
        owners.set(ref, session)
        db.touch('session', session)
      }
      return ref
    },
    progress(ref, fraction) {
      if (isPending(db.find('task', ref))) db.update('task', ref, { progress: fraction })
    },
    complete(ref, value, type) {
      if (!isPending(db.find('task', ref))) return
      end(ref, { status: 'success', result: value === undefined && type !== 'void' ? '' : `<value>${xmlValue(value ?? '', type)}</value>` })
    },
    fail(ref, failure) {
      if (!isPending(db.find('task', ref))) return
      const { code, params } = asFailure(failure)
      if (code === 'TASK_CANCELLED') end(ref, { status: 'cancelled', error_info: [code, ...params] })
      else end(ref, { status: 'failure', error_info: [code, ...params] })
    },
    cancel(ref) {
      db.get('task', ref)
      // Also of a task that has ended; what else was under way is written over.
      db.update('task', ref, { current_operations: { [`DummyRef:|${randomUUID()}|task.cancel`]: 'cancel' } })
    },
    cancelled,
    destroy(ref) {
      const row = db.get('task', ref)
      if (hasEnded(row)) db.delete('task', ref)
      else db.update('task', ref, { current_operations: { ...(row.current_operations as Row), task: 'destroy' } })
    },
    handle: (ref) => ({
      ref,
      progress: (fraction) => tasks.progress(ref, fraction),
      get cancelled() {
        return cancelled(ref)
      },
    }),
  }
  ofPool.set(pool, tasks)
  return tasks
}

/** `cancelling` is not an end. */
export function hasEnded(task: Row): boolean {
  return task.status === 'success' || task.status === 'failure' || task.status === 'cancelled'
}

/** What XAPI makes of an exception of its own: INTERNAL_ERROR with some text. */
export function asFailure(error: unknown): XapiFailure {
  if (error instanceof XapiFailure) return error
  return new XapiFailure('INTERNAL_ERROR', [error instanceof Error ? `${error.name}: ${error.message}` : String(error)])
}
