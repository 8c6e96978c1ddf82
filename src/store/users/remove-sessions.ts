import type { Queries } from '../open-store.ts'

/** One session, or all of a user (but one). */
export async function removeSessions(
  db: Queries,
  which: { readonly idHash: string } | { readonly user: string; readonly except?: string },
): Promise<void> {
  const query = db.deleteFrom('sessions')
  if ('idHash' in which) await query.where('id_hash', '=', which.idHash).execute()
  else {
    await query
      .where('user_id', '=', which.user)
      .where('id_hash', '!=', which.except ?? '')
      .execute()
  }
}
