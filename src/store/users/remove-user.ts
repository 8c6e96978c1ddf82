import type { Store } from '../open-store.ts'
import { getUser } from './find-user.ts'
import { keepAnAdministrator } from './keep-an-administrator.ts'

/** With the user's sessions and tokens. USER_NOT_FOUND, LAST_ADMINISTRATOR. */
export async function removeUser(store: Store, id: string): Promise<void> {
  await store.transaction(
    async (transaction) => {
      await getUser(transaction, id)
      await keepAnAdministrator(transaction, id)
      await transaction.deleteFrom('sessions').where('user_id', '=', id).execute()
      await transaction.deleteFrom('tokens').where('user_id', '=', id).execute()
      await transaction.deleteFrom('users').where('id', '=', id).execute()
    },
    { durable: true },
  )
}
