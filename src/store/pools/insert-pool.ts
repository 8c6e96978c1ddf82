import type { Queries } from '../open-store.ts'
import { rowOfPool, type StoredPool } from './pool-row.ts'

/** `known`: a pool with this uuid is stored already; nothing was changed. */
export async function insertPool(db: Queries, pool: StoredPool): Promise<'inserted' | 'known'> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('pools')
    .values(rowOfPool(pool))
    .onConflict((on) => on.column('pool_uuid').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n ? 'inserted' : 'known'
}
