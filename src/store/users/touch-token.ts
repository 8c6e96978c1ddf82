import type { Queries } from '../open-store.ts'

export async function touchToken(db: Queries, id: string, now: number): Promise<void> {
  await db.updateTable('tokens').set({ last_used_at: now }).where('id', '=', id).execute()
}
