import type { Role, User } from '../../core/control/user.ts'
import type { Store } from '../open-store.ts'
import { getUser } from './find-user.ts'
import { keepAnAdministrator } from './keep-an-administrator.ts'

export interface UserChange {
  readonly role?: Role
  readonly disabled?: boolean
  readonly passwordHash?: string
}

/** USER_NOT_FOUND; LAST_ADMINISTRATOR when nobody would be left who can administer. */
export async function changeUser(store: Store, id: string, change: UserChange): Promise<User> {
  return await store.transaction(
    async (transaction) => {
      await getUser(transaction, id)
      if (change.disabled === true || (change.role !== undefined && change.role !== 'administrator')) {
        await keepAnAdministrator(transaction, id)
      }
      const values = {
        ...(change.role === undefined ? {} : { role: change.role }),
        ...(change.disabled === undefined ? {} : { disabled: change.disabled ? 1 : 0 }),
        ...(change.passwordHash === undefined ? {} : { password_hash: change.passwordHash }),
      }
      if (Object.keys(values).length > 0) await transaction.updateTable('users').set(values).where('id', '=', id).execute()
      return (await getUser(transaction, id)).user
    },
    { durable: true },
  )
}
