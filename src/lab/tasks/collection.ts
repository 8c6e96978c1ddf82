/** Sweeps what nobody removed: ended and forgotten tasks, idle sessions (xen-api ocaml/xapi/db_gc_util.ml). */
import { parseXapiDate } from '../database/xapi-date.ts'
import type { LabPool, Refstring } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'

const MINUTE_MS = 60_000
/** An ended task stays this long after its end (completed_task_timeout). */
const ENDED_MS = 65 * MINUTE_MS
/** A pending one this long after its creation (pending_task_timeout). */
const PENDING_MS = 24 * 60 * MINUTE_MS
/** More tasks than this, and ended ones go earlier, oldest first (max_tasks). */
const MAX_TASKS = 200
const EVERY_MS = 30_000

/** Starts sweeping; returns how to stop. */
export function startCollection(pool: LabPool): () => void {
  const timer = setInterval(() => collect(pool), EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** One sweep, by the pool's clock. */
export function collect(pool: LabPool): void {
  sessionsOf(pool).collect()
  collectTasks(pool)
}

function collectTasks({ db, now }: LabPool): void {
  const time = now().getTime()
  const ended: [finished: number, ref: Refstring][] = []
  let left = 0
  for (const ref of db.refs('task')) {
    const row = db.get('task', ref)
    const pending = row.status === 'pending' || row.status === 'cancelling'
    // A task ended by hand has no end written down: its creation counts.
    const finished = parseXapiDate(row.finished as string) || parseXapiDate(row.created as string) || 0
    const created = parseXapiDate(row.created as string) ?? 0
    if (pending ? time - created > PENDING_MS : time - finished > ENDED_MS) db.delete('task', ref)
    else {
      left += 1
      if (!pending) ended.push([finished, ref])
    }
  }
  ended.sort(([a], [b]) => a - b)
  for (const [, ref] of ended.slice(0, Math.max(0, left - MAX_TASKS))) db.delete('task', ref)
}
