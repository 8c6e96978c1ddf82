import type { User } from '../../core/control/user.ts'
import type { Queries } from '../open-store.ts'
import { userOf } from './user-row.ts'

export async function listUsers(db: Queries): Promise<User[]> {
  const rows = await db.selectFrom('users').selectAll().orderBy('name').execute()
  return rows.map(userOf)
}
