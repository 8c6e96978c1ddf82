import type { Queries } from '../open-store.ts'

export async function touchSession(db: Queries, idHash: string, now: number): Promise<void> {
  await db.updateTable('sessions').set({ last_seen_at: now }).where('id_hash', '=', idHash).execute()
}
