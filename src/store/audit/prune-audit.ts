import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

/** Removes entries from before, up to `atOnce` of them; how many it were. */
export async function pruneAudit(db: Queries, before: Timestamp, atOnce = 1_000): Promise<number> {
  const old = db.selectFrom('audit').select('id').where('at', '<', fromTimestamp(before)).orderBy('at').orderBy('id').limit(atOnce)
  const { numDeletedRows } = await db.deleteFrom('audit').where('id', 'in', old).executeTakeFirst()
  return Number(numDeletedRows)
}
