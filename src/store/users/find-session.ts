import type { User } from '../../core/control/user.ts'
import type { Queries } from '../open-store.ts'
import { userOf } from './user-row.ts'

export interface StoredSession {
  readonly user: User
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
}

/** By the SHA-256 of the cookie's value. Whether it is still good is for the caller to say. */
export async function findSession(db: Queries, idHash: string): Promise<StoredSession | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .selectAll('users')
    .select(['sessions.created_at as session_created_at', 'sessions.last_seen_at', 'sessions.expires_at'])
    .where('sessions.id_hash', '=', idHash)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return { user: userOf(row), createdAt: row.session_created_at, lastSeenAt: row.last_seen_at, expiresAt: row.expires_at }
}
