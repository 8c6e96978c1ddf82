import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'
import { rowOfPool, type StoredPool } from './pool-row.ts'

/** Everything but its id and when it was made. Whether there is such a pool (still). */
export async function updatePool(db: Queries, pool: StoredPool): Promise<boolean> {
  const { id, created_at: _, ...fields } = rowOfPool(pool)
  const { numUpdatedRows } = await db.updateTable('pools').set(fields).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function setPoolSeen(db: Queries, id: string, at: Timestamp): Promise<void> {
  await db
    .updateTable('pools')
    .set({ last_seen_at: fromTimestamp(at) })
    .where('id', '=', id)
    .execute()
}
