import { Failure } from '../../core/failure.ts'
import type { Queries } from '../open-store.ts'

/** LAST_ADMINISTRATOR unless somebody other than `without` can administer. */
export async function keepAnAdministrator(db: Queries, without: string): Promise<void> {
  const other = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'administrator')
    .where('disabled', '=', 0)
    .where('id', '!=', without)
    .executeTakeFirst()
  if (other === undefined) throw new Failure('LAST_ADMINISTRATOR', 'this is the only administrator that is not disabled')
}
