/** Tasks of the pool: starting a call as one, waiting for its end, cancelling, cleaning up. Facts: behaviour.md section 2. */
import { XapiConnectionError, XapiError } from './errors.ts'
import { watchObject } from './object-watch.ts'
import { formatAddress } from './pool-url.ts'
import type { PoolSession } from './session.ts'
import { decodeTaskResult } from './task-result.ts'
import type { AsyncOptions } from './xapi.ts'

const ASYNC_IDLE_MS = 3_600_000
/** What a cancelled task is given to end by itself before it is marked as cancelled. */
const CANCEL_MS = 5_000
const CLEANUP_CALL_MS = 10_000

export interface TaskEnd {
  readonly status: 'success' | 'failure' | 'cancelled'
  /** XML-RPC form, see task-result.ts. */
  readonly result: string
  /** Code and parameters. */
  readonly error: readonly string[]
}

export interface TaskWait {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds without any change of the task after which it is given up. */
  readonly idleMs: number
  readonly onProgress?: ((fraction: number) => void) | undefined
  /** What the task does, for errors. */
  readonly what: string
}

/** Waits until a task has ended; throws HANDLE_INVALID when it went away before, which counts as failure. */
export async function taskEnd(session: PoolSession, task: string, wait: TaskWait): Promise<TaskEnd> {
  let end: TaskEnd | undefined
  let progress = 0
  let last = ''
  let deadline = Date.now() + wait.idleMs
  await watchObject(session, 'task', task, { signal: wait.signal, deadline: () => deadline, what: wait.what }, (record) => {
    if (!record) return false
    const seen = JSON.stringify(record)
    if (seen !== last) deadline = Date.now() + wait.idleMs
    last = seen
    if (typeof record.progress === 'number' && record.progress !== progress) {
      progress = record.progress
      wait.onProgress?.(progress)
    }
    // The result and error_info are written before the status is.
    if (record.status !== 'success' && record.status !== 'failure' && record.status !== 'cancelled') return false
    const error = Array.isArray(record.error_info) ? record.error_info.map(String) : []
    end = { status: record.status, result: String(record.result ?? ''), error }
    return true
  })
  return end as unknown as TaskEnd
}

/** The error that a task ended with; undefined for success. */
export function taskError(session: PoolSession, end: TaskEnd, task: string, what: string): XapiError | undefined {
  if (end.status === 'success') return undefined
  const [code, ...params] = end.error.map((text) => session.hide(text))
  if (code !== undefined && code !== '') return new XapiError(code, params, what)
  return end.status === 'cancelled' ? new XapiError('TASK_CANCELLED', [task], what) : new XapiError('INTERNAL_ERROR', [], what)
}

/** Housekeeping of which nobody waits for the outcome, but closing the client does. */
export class Background {
  readonly #running = new Set<Promise<unknown>>()

  run(work: Promise<unknown>): void {
    const settled = work
      .catch(() => undefined)
      .finally(() => {
        this.#running.delete(settled)
      })
    this.#running.add(settled)
  }

  /** Waits until nothing runs any more, at most so long. */
  async idle(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (this.#running.size > 0 && Date.now() < deadline) {
      let timer: NodeJS.Timeout | undefined
      const time = new Promise((resolve) => {
        timer = setTimeout(resolve, Math.max(deadline - Date.now(), 0))
      })
      await Promise.race([Promise.all(this.#running), time])
      clearTimeout(timer)
    }
  }
}

/** Removes an ended task: its creator has to, others keep them for an hour (ocaml/xapi/db_gc_util.ml). */
export async function destroyTask(session: PoolSession, task: string): Promise<void> {
  await session.call('task.destroy', [task], { timeoutMs: CLEANUP_CALL_MS })
}

/**
 * Asks a task to stop and waits a while for it; one that goes on regardless (many don't look) is marked as cancelled, since
 * older servers refuse to destroy pending tasks. Never throws.
 */
export async function cancelTask(session: PoolSession, task: string, what: string): Promise<void> {
  const deadline = Date.now() + CANCEL_MS
  try {
    await session.call('task.cancel', [task], { timeoutMs: CANCEL_MS })
    await taskEnd(session, task, { idleMs: CANCEL_MS, signal: AbortSignal.timeout(Math.max(deadline - Date.now(), 1)), what })
  } catch (error) {
    if (error instanceof XapiConnectionError && error.reason !== 'timeout') return
    await session.call('task.set_status', [task, 'cancelled'], { timeoutMs: CANCEL_MS }).catch(() => undefined)
  }
}

/** `Async.` form of a call: see Xapi.callAsync. Costs the start, two waits as a rule, and the task's destruction. */
export async function callAsync(
  session: PoolSession,
  background: Background,
  method: string,
  params: readonly unknown[],
  options: AsyncOptions = {},
): Promise<string | string[] | undefined> {
  const { signal } = options
  const what = `Async.${method}`
  signal?.throwIfAborted()
  // The start itself is not aborted: without the task's reference, what it does could not be stopped any more.
  const started = session.call(what, params)
  const task = await untilAborted(started, signal).catch((error) => {
    background.run(started.then((ref) => stopTask(session, String(ref), what)))
    throw error
  })
  if (typeof task !== 'string' || task === '') {
    throw new XapiConnectionError('not-xapi', formatAddress(session.address), `the answer to ${what} is not a task`)
  }
  let end: TaskEnd
  try {
    end = await taskEnd(session, task, { signal, idleMs: options.timeoutMs ?? ASYNC_IDLE_MS, onProgress: options.onProgress, what })
  } catch (error) {
    if (!(error instanceof XapiError)) await stopTask(session, task, what)
    throw error
  }
  background.run(destroyTask(session, task))
  const error = taskError(session, end, task, what)
  if (error) throw error
  try {
    return decodeTaskResult(end.result)
  } catch (cause) {
    throw new XapiConnectionError('not-xapi', formatAddress(session.address), `the result of ${what} can't be read`, { cause })
  }
}

async function stopTask(session: PoolSession, task: string, what: string): Promise<void> {
  await cancelTask(session, task, what)
  await destroyTask(session, task).catch(() => undefined)
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
