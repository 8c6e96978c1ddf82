import type { ApiToken } from '../../core/control/user.ts'
import type { Queries } from '../open-store.ts'
import { tokenOf } from './user-row.ts'

/** Those that were not revoked, of a user or of all. */
export async function listTokens(db: Queries, user?: string): Promise<ApiToken[]> {
  const query = db
    .selectFrom('tokens')
    .innerJoin('users', 'users.id', 'tokens.user_id')
    .selectAll('tokens')
    .select('users.name as user_name')
    .where('tokens.revoked_at', 'is', null)
    .orderBy('tokens.created_at')
  const rows = await (user === undefined ? query : query.where('tokens.user_id', '=', user)).execute()
  return rows.map(tokenOf)
}
