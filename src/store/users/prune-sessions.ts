import type { Queries } from '../open-store.ts'

/** Removes sessions that have ended by themselves: past their end, or not seen since `idleSince`. */
export async function pruneSessions(db: Queries, now: number, idleSince: number): Promise<void> {
  await db
    .deleteFrom('sessions')
    .where((where) => where.or([where('expires_at', '<=', now), where('last_seen_at', '<=', idleSince)]))
    .execute()
}
