import type { Queries } from '../open-store.ts'

/** Whether there was one. Whether something names it is the caller's to look at, in the same transaction. */
export async function deletePool(db: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('pools').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}
