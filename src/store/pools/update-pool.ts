import type { Queries } from '../open-store.ts'
import { rowOfPool, type StoredPool } from './pool-row.ts'

/** Everything but its id, when it was made, and what was learned of it. Whether there is such a pool (still). */
export async function updatePool(db: Queries, pool: StoredPool): Promise<boolean> {
  const { id, created_at: _, ...fields } = rowOfPool(pool)
  const { numUpdatedRows } = await db.updateTable('pools').set(fields).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows > 0n
}
