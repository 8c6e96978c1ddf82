/** Sweeps what nobody removed: ended and forgotten tasks, idle sessions (xen-api ocaml/xapi/db_gc_util.ml). */
import { parseXapiDate } from '../database/xapi-date.ts'
import type { LabPool, Refstring, Row } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'
import { hasEnded } from './tasks.ts'

const MINUTE_MS = 60_000
/** An ended task stays this long after its end (completed_task_timeout). */
const ENDED_MS = 65 * MINUTE_MS
/** A pending one this long after its creation, and longer while it makes progress (pending_task_timeout). */
const PENDING_MS = 24 * 60 * MINUTE_MS
/** More tasks than this, and ended ones go earlier, oldest first (max_tasks). */
const MAX_TASKS = 200
const EVERY_MS = 30_000

/** Starts sweeping; returns how to stop. */
export function startCollection(pool: LabPool): () => void {
  const sweep = collector(pool)
  const timer = setInterval(sweep, EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** A function that makes one sweep, by the pool's clock. It remembers the progress that old tasks had the time before. */
export function collector(pool: LabPool): () => void {
  let suspects = new Map<Refstring, number>()
  return () => {
    sessionsOf(pool).collect()
    suspects = collectTasks(pool, suspects)
  }
}

function collectTasks({ db, now }: LabPool, suspects: ReadonlyMap<Refstring, number>): Map<Refstring, number> {
  const time = now().getTime()
  const stillSuspect = new Map<Refstring, number>()
  const young: Refstring[] = []
  const youngEnded: [finished: number, ref: Refstring][] = []
  for (const ref of db.refs('task')) {
    const row = db.get('task', ref)
    if (!hasEnded(row)) {
      const old = time - (parseXapiDate(row.created as string) ?? 0) > PENDING_MS
      const progress = row.progress as number
      const before = suspects.get(ref)
      if (old && before !== undefined && progress <= before) {
        db.delete('task', ref)
        continue
      }
      if (old) stillSuspect.set(ref, progress)
      young.push(ref)
      continue
    }
    // A task ended by set_status has no end written down, and so counts as ended long ago.
    const finished = parseXapiDate(row.finished as string) ?? 0
    if (isToBeDestroyed(row) || time - finished > ENDED_MS) db.delete('task', ref)
    else {
      young.push(ref)
      youngEnded.push([finished, ref])
    }
  }
  if (young.length > MAX_TASKS) {
    // The limit counts the ended tasks twice; so does XAPI's (timeout_tasks).
    const kept = Math.max(0, MAX_TASKS - youngEnded.length)
    if (youngEnded.length > kept) {
      youngEnded.sort(([a], [b]) => b - a)
      for (const [, ref] of youngEnded.slice(kept)) db.delete('task', ref)
    }
  }
  return stillSuspect
}

function isToBeDestroyed(row: Row): boolean {
  return Object.values(row.current_operations as Row).includes('destroy')
}
