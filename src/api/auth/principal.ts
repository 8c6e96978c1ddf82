/** Who makes a request, as far as it was proven. */
import type { Actor } from '../../core/control/audit.ts'
import type { ApiToken, Role, User } from '../../core/control/user.ts'

export type Principal =
  | {
      readonly kind: 'session'
      readonly user: User
      readonly role: Role
      /** SHA-256 of the cookie's value */
      readonly idHash: string
      readonly csrf: string
      readonly expiresAt: number
    }
  | { readonly kind: 'token'; readonly user: User; readonly role: Role; readonly token: ApiToken; readonly expiresAt: number | null }

export const actorOf = (who: Principal): Actor =>
  who.kind === 'session'
    ? { kind: 'user', id: who.user.id, name: who.user.name }
    : { kind: 'token', id: who.token.id, name: `${who.user.name} (token ${who.token.name})` }
