import type { Queries } from '../open-store.ts'
import { poolOfRow, type StoredPool } from './pool-row.ts'

/** By name. */
export async function listPools(db: Queries): Promise<StoredPool[]> {
  const rows = await db.selectFrom('pools').selectAll().orderBy('name').orderBy('id').execute()
  return rows.map(poolOfRow)
}
