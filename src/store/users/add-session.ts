import type { Insertable } from 'kysely'
import type { Queries } from '../open-store.ts'
import type { Tables } from '../schema.ts'

export async function addSession(db: Queries, session: Insertable<Tables['sessions']>): Promise<void> {
  await db.insertInto('sessions').values(session).execute()
}
