import { type BulkRequest, type LabPool, type Refstring, type Value, XapiFailure } from '../pool.ts'
import { tasksOf } from '../tasks/tasks.ts'

export interface TransferTask {
  readonly ref: Refstring
  /** From 0 to 1. */
  progress(fraction: number): void
}

/** Thrown before the 200: the task fails with the failure, and the reply is that status alone, without the page that else follows. */
export class Refusal extends Error {
  readonly status: 400 | 404
  readonly failure: XapiFailure
  constructor(status: 400 | 404, text: string) {
    super(text)
    this.name = 'Refusal'
    this.status = status
    this.failure = new XapiFailure('INTERNAL_ERROR', [text])
  }
}

/**
 * Runs a transfer under the task that the request names, or one made for it, which is gone afterwards (`with_context` in xen-api
 * ocaml/xapi/xapi_http.ml). The task has ended when this settles: with the value returned (undefined: no result) of the model's
 * type `resultType`, or with what was thrown, which is thrown on. A task that has ended before is served all the same and stays as it is.
 */
export async function underTask(
  pool: LabPool,
  request: BulkRequest,
  label: string,
  transfer: (task: TransferTask) => Promise<Value | undefined>,
  resultType = 'VDI ref',
): Promise<void> {
  const tasks = tasksOf(pool)
  const given = request.parameter('task_id')
  if (given !== undefined && !pool.db.find('task', given)) throw new XapiFailure('HANDLE_INVALID', ['task', given])
  const subtaskOf = request.parameter('subtask_of')
  const ref = given ?? tasks.create({ label, ...(subtaskOf !== undefined && pool.db.find('task', subtaskOf) && { subtaskOf }) })
  try {
    const work = () => transfer({ ref, progress: (fraction) => tasks.progress(ref, fraction) })
    const result = await pool.faults.task(request.path.slice(1), work)
    tasks.complete(ref, result, resultType)
  } catch (error) {
    tasks.fail(ref, error instanceof Refusal ? error.failure : error)
    throw error
  } finally {
    if (given === undefined && pool.db.find('task', ref)) tasks.destroy(ref)
  }
}
