import { randomUUID } from 'node:crypto'
import type { ApiToken, Role, User } from '../../core/control/user.ts'
import type { Queries } from '../open-store.ts'
import { tokenOf } from './user-row.ts'

export interface NewTokenRow {
  readonly name: string
  readonly role: Role
  readonly tokenHash: string
  readonly expiresAt: number | null
}

export async function addToken(db: Queries, user: User, token: NewTokenRow, now: number): Promise<ApiToken> {
  const row = {
    id: randomUUID(),
    user_id: user.id,
    name: token.name,
    token_hash: token.tokenHash,
    role: token.role,
    created_at: now,
    expires_at: token.expiresAt,
    last_used_at: null,
    revoked_at: null,
  }
  await db.insertInto('tokens').values(row).execute()
  return tokenOf({ ...row, user_name: user.name })
}
