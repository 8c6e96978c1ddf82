import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

/**
 * Removes up to `atOnce` runs that ended before, with their VM runs and logs, oldest first. How many it were: call again while it is `atOnce`,
 * with a pause in between: a run may have thousands of VM runs, and nobody is to wait long for the database.
 */
export async function pruneRuns(db: Queries, before: Timestamp, atOnce = 5): Promise<number> {
  const limit = fromTimestamp(before)
  const old = await db
    .selectFrom('runs')
    .select('id')
    .where('queued_at', '<', limit)
    .where('ended_at', '<', limit)
    .orderBy('queued_at')
    .orderBy('id')
    .limit(atOnce)
    .execute()
  if (old.length === 0) return 0
  const ids = old.map(({ id }) => id)
  await db.deleteFrom('runs').where('id', 'in', ids).execute()
  return ids.length
}

/** Removes plans, reports and logs of VM runs that succeeded before, of which the rest is kept: most of the room that runs take. As above. */
export async function pruneDetails(db: Queries, before: Timestamp, atOnce = 200): Promise<number> {
  const old = await db
    .selectFrom('vm_runs')
    .select('id')
    .where('state', '=', 'success')
    .where('queued_at', '<', fromTimestamp(before))
    .where('report', 'is not', null)
    .orderBy('queued_at')
    .orderBy('id')
    .limit(atOnce)
    .execute()
  if (old.length === 0) return 0
  const ids = old.map(({ id }) => id)
  await db.updateTable('vm_runs').set({ plan: null, report: null }).where('id', 'in', ids).execute()
  await db.deleteFrom('vm_run_logs').where('vm_run_id', 'in', ids).execute()
  return ids.length
}
