import { Failure } from '../../core/failure.ts'
import type { Queries } from '../open-store.ts'

/** For good. TOKEN_NOT_FOUND when there is none, or (with `ofUser`) it is somebody else's. */
export async function revokeToken(db: Queries, id: string, now: number, ofUser?: string): Promise<void> {
  const query = db.updateTable('tokens').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null)
  const { numUpdatedRows } = await (ofUser === undefined ? query : query.where('user_id', '=', ofUser)).executeTakeFirst()
  if (numUpdatedRows === 0n) throw new Failure('TOKEN_NOT_FOUND', `there is no token ${id}`)
}
