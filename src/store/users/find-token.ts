import type { ApiToken, User } from '../../core/control/user.ts'
import type { Queries } from '../open-store.ts'
import { tokenOf, userOf } from './user-row.ts'

/** By the token's SHA-256; not one that was revoked. Whether it has expired is for the caller to say. */
export async function findToken(db: Queries, tokenHash: string): Promise<{ readonly token: ApiToken; readonly user: User } | undefined> {
  const row = await db
    .selectFrom('tokens')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const user = await db.selectFrom('users').selectAll().where('id', '=', row.user_id).executeTakeFirst()
  return user && { token: tokenOf({ ...row, user_name: user.name }), user: userOf(user) }
}
