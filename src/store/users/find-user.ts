import { sql } from 'kysely'
import type { User } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import type { Queries } from '../open-store.ts'
import { userOf } from './user-row.ts'

/** With the hash of the password, which goes nowhere else. */
export interface UserWithHash {
  readonly user: User
  readonly passwordHash: string
}

/** By name, upper and lower case being one. */
export async function findUserByName(db: Queries, name: string): Promise<UserWithHash | undefined> {
  const row = await db.selectFrom('users').selectAll().where(sql`lower(name)`, '=', name.toLowerCase()).executeTakeFirst()
  return row && { user: userOf(row), passwordHash: row.password_hash }
}

/** USER_NOT_FOUND */
export async function getUser(db: Queries, id: string): Promise<UserWithHash> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Failure('USER_NOT_FOUND', `there is no user ${id}`)
  return { user: userOf(row), passwordHash: row.password_hash }
}
