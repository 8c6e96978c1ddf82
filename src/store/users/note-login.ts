import type { Queries } from '../open-store.ts'

/** Remembers the time of a login; `newHash`: the password hashed anew, by stronger parameters than before. */
export async function noteLogin(db: Queries, user: string, now: number, newHash?: string): Promise<void> {
  await db
    .updateTable('users')
    .set({ last_login_at: now, ...(newHash === undefined ? {} : { password_hash: newHash }) })
    .where('id', '=', user)
    .execute()
}
