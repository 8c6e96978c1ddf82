import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

/** Removes up to `atOnce` activities that ended before, oldest first. How many it were: call again while it is `atOnce`. */
export async function pruneActivities(db: Queries, before: Timestamp, atOnce = 50): Promise<number> {
  const limit = fromTimestamp(before)
  const old = db
    .selectFrom('activities')
    .select('id')
    .where('queued_at', '<', limit)
    .where('ended_at', '<', limit)
    .orderBy('queued_at')
    .orderBy('id')
    .limit(atOnce)
  const { numDeletedRows } = await db.deleteFrom('activities').where('id', 'in', old).executeTakeFirst()
  return Number(numDeletedRows)
}
