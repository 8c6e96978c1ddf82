import type { Queries } from '../open-store.ts'

/** False: there is none. */
export async function deleteRecoveryPlan(db: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('plans').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}
