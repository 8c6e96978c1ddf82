import type { Selectable } from 'kysely'
import type { ApiToken, Role, User } from '../../core/control/user.ts'
import type { Tables } from '../schema.ts'

const iso = (time: number) => new Date(time).toISOString()
const isoOrNull = (time: number | null) => (time === null ? null : iso(time))

export const userOf = (row: Selectable<Tables['users']>): User => ({
  id: row.id,
  name: row.name,
  role: row.role as Role,
  disabled: row.disabled !== 0,
  createdAt: iso(row.created_at),
  lastLoginAt: isoOrNull(row.last_login_at),
})

export const tokenOf = (row: Selectable<Tables['tokens']> & { readonly user_name: string }): ApiToken => ({
  id: row.id,
  user: row.user_id,
  userName: row.user_name,
  name: row.name,
  role: row.role as Role,
  createdAt: iso(row.created_at),
  expiresAt: isoOrNull(row.expires_at),
  lastUsedAt: isoOrNull(row.last_used_at),
})
