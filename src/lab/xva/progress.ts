import type { LabPool, Refstring } from '../pool.ts'
import { XapiFailure } from '../pool.ts'
import { tasksOf } from '../tasks/tasks.ts'

const EVERY_MS = 10_000

/**
 * Counts bytes of disks passed on. At the first and then every ten seconds the task is told the fraction, and asked whether it is to
 * be cancelled: then TASK_CANCELLED (made_progress in xen-api ocaml/xapi/stream_vdi.ml).
 */
export function diskProgress(
  pool: LabPool,
  task: Refstring,
  total: number,
  now: () => number = () => performance.now(),
): (bytes: number) => void {
  let done = 0
  let told = Number.NEGATIVE_INFINITY
  return (bytes) => {
    done += bytes
    if (now() - told <= EVERY_MS) return
    told = now()
    tasksOf(pool).progress(task, Math.min(1, done / Math.max(1, total)))
    failIfCancelled(pool, task)
  }
}

export function failIfCancelled(pool: LabPool, task: Refstring): void {
  if (tasksOf(pool).cancelled(task)) throw new XapiFailure('TASK_CANCELLED', [task])
}

/** Whether clients may cancel the transfer now. */
export function setCancellable(pool: LabPool, task: Refstring, cancellable: boolean): void {
  if (pool.db.find('task', task)?.status === 'pending') pool.db.update('task', task, { allowed_operations: cancellable ? ['cancel'] : [] })
}
