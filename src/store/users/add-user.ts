import { randomUUID } from 'node:crypto'
import type { Role, User } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import type { Store } from '../open-store.ts'
import { findUserByName } from './find-user.ts'
import { userOf } from './user-row.ts'

export interface NewUserRow {
  readonly name: string
  readonly role: Role
  /** PHC format */
  readonly passwordHash: string
}

/** USER_EXISTS when somebody is called that already, in whatever case. */
export async function addUser(store: Store, user: NewUserRow, now: number): Promise<User> {
  return await store.transaction(
    async (transaction) => {
      if ((await findUserByName(transaction, user.name)) !== undefined) {
        throw new Failure('USER_EXISTS', `there is a user "${user.name}" already`)
      }
      const row = {
        id: randomUUID(),
        name: user.name,
        role: user.role,
        password_hash: user.passwordHash,
        disabled: 0,
        created_at: now,
        last_login_at: null,
      }
      await transaction.insertInto('users').values(row).execute()
      return userOf(row)
    },
    { durable: true },
  )
}
