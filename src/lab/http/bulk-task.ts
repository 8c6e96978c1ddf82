/**
 * What every bulk handler has around it: who asks, the task that tells how it went, and the forms in which failures are told
 * (xen-api ocaml/xapi/xapi_http.ml with_context and assert_credentials_ok, ocaml/libs/http-lib/http_svr.ml handle_one).
 */
import { type BulkRequest, type LabPool, type Refstring, type Value, XapiFailure } from '../pool.ts'
import { asFailure, tasksOf } from '../tasks/tasks.ts'
import { authenticate } from './authentication.ts'

/** What the work of a handler is given. */
export interface BulkTask {
  readonly session: Refstring
  /** The task adopted from `task_id`, or one made for this request. */
  readonly ref: Refstring
  /** Progress from 0 to 1. */
  progress(fraction: number): void
  readonly cancelled: boolean
  /**
   * Writes the head of the reply: 200, `connection: close`, no length, the task's reference, and the lines given
   * (`content-type: …`). XAPI does so before it looks at any data.
   */
  accept(...lines: readonly string[]): Promise<void>
}

export interface BulkForm<T> {
  /** Name of the handler in XAPI's list of actions, `get_export_raw_vdi`: the realm of a 401. */
  readonly action: string
  /** Name of the task that is made when the client gave none. */
  readonly label: string
  /** An empty reply of status 400 comes before the page of status 500 when the work fails (all imports do so). */
  readonly badRequestFirst?: boolean
  /**
   * Finds what the request names, before the task is looked at. What fails here fails the task with RBAC_PERMISSION_DENIED, also for
   * root, and gives the page of status 500 only.
   */
  prepare(session: Refstring): T | Promise<T>
  /** The transfer itself. Its result, with the model's type, is the task's; undefined: a task without result. */
  work(task: BulkTask, prepared: T): Promise<BulkResult | undefined>
}

export interface BulkResult {
  readonly value: Value
  readonly type: string
}

type Status = 400 | 404

/** Thrown by the work instead of accepting: the task fails with the failure, the reply is this empty head and nothing more. */
export class BulkRefusal extends Error {
  readonly status: Status
  readonly failure: XapiFailure
  constructor(status: Status, failure: XapiFailure) {
    super(failure.message)
    this.name = 'BulkRefusal'
    this.status = status
    this.failure = failure
  }
}

/**
 * Runs a bulk handler for one request. The task always ends with it; one that had ended before keeps what it says. What is thrown
 * from here makes the HTTP server append a page to whatever was written.
 */
export async function runBulk<T>(pool: LabPool, request: BulkRequest, form: BulkForm<T>): Promise<void> {
  // Bad credentials leave a given task pending (seen on XAPI 26.1).
  const { session, done } = await authenticate(pool, request, form.action)
  try {
    const tasks = tasksOf(pool)
    const given = request.parameter('task_id')
    let prepared: T
    try {
      prepared = await form.prepare(session)
    } catch (error) {
      if (given !== undefined) tasks.fail(given, new XapiFailure('RBAC_PERMISSION_DENIED', [`http/${form.action}`, asFailure(error).message]))
      throw error
    }
    if (given !== undefined) pool.db.get('task', given)
    const ref = given ?? tasks.create({ label: form.label })
    try {
      await runWork(pool, request, form, { session, ref, prepared })
    } finally {
      // A task of our own goes with the request: nobody can read how it ended.
      if (given === undefined && pool.db.find('task', ref)) pool.db.delete('task', ref)
    }
  } finally {
    done()
  }
}

async function runWork<T>(
  pool: LabPool,
  request: BulkRequest,
  form: BulkForm<T>,
  { session, ref, prepared }: { readonly session: Refstring; readonly ref: Refstring; readonly prepared: T },
): Promise<void> {
  const tasks = tasksOf(pool)
  const task: BulkTask = {
    session,
    ref,
    progress: (fraction) => tasks.progress(ref, fraction),
    get cancelled() {
      return tasks.cancelled(ref)
    },
    accept: (...lines) => request.write(head(200, 'OK', [`task-id: ${ref}`, ...lines])),
  }
  try {
    const result = await form.work(task, prepared)
    pool.db.commit()
    tasks.complete(ref, result?.value, result?.type ?? '')
  } catch (error) {
    pool.db.commit()
    // A pool that stops takes its tasks with it.
    if (pool.stopping.aborted) throw error
    if (error instanceof BulkRefusal) {
      tasks.fail(ref, error.failure)
      await request.write(head(error.status, error.status === 400 ? 'Bad Request' : 'Not Found', []))
      return
    }
    tasks.fail(ref, error)
    if (form.badRequestFirst) await request.write(head(400, 'Bad Request', []))
    throw error
  }
}

function head(status: number, reason: string, lines: readonly string[]): string {
  return [`HTTP/1.1 ${status} ${reason}`, 'connection: close', 'cache-control: no-cache, no-store', ...lines, '', ''].join('\r\n')
}
