import type { Queries } from '../open-store.ts'

/** With its schedules; its runs and what its chains achieved stay. Whether there was one. */
export async function deleteJob(db: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('jobs').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}
