/** Finds out who makes a request: by an API token in `Authorization: Bearer`, or by the cookie of a browser session. */
import { lesserRole } from '../../core/control/user.ts'
import type { Store } from '../../store/open-store.ts'
import { findSession } from '../../store/users/find-session.ts'
import { findToken } from '../../store/users/find-token.ts'
import { touchSession } from '../../store/users/touch-session.ts'
import { touchToken } from '../../store/users/touch-token.ts'
import { csrfOf, hashOf, TOKEN_PREFIX } from './credentials.ts'
import type { Principal } from './principal.ts'

export const SESSION_IDLE_MS = 12 * 3_600_000
export const SESSION_MS = 7 * 24 * 3_600_000
/** Each request would be a write otherwise. */
const TOUCH_MS = 60_000

export interface Presented {
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

/**
 * undefined: nobody. An `Authorization` that is not good is not made up for by a cookie. `isUse`: counts as use of the session, which ends
 * when it is not used; false for what a page does by itself, as keeping a stream open.
 */
export async function authenticate(
  { authorization, cookie }: Presented,
  store: Store,
  now: number,
  { isUse }: { readonly isUse: boolean },
): Promise<Principal | undefined> {
  if (authorization !== undefined) return await byToken(authorization, store, now)
  return cookie === undefined ? undefined : await bySession(cookie, store, now, isUse)
}

async function byToken(authorization: string, store: Store, now: number): Promise<Principal | undefined> {
  const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (!secret?.startsWith(TOKEN_PREFIX)) return undefined
  const found = await findToken(store.db, hashOf(secret))
  if (found === undefined || found.user.disabled) return undefined
  const { token, user } = found
  const expiresAt = token.expiresAt === null ? null : Date.parse(token.expiresAt)
  if (expiresAt !== null && expiresAt <= now) return undefined
  if (token.lastUsedAt === null || now - Date.parse(token.lastUsedAt) >= TOUCH_MS) await touchToken(store.db, token.id, now)
  return { kind: 'token', user, role: lesserRole(user.role, token.role), token, expiresAt }
}

async function bySession(cookie: string, store: Store, now: number, isUse: boolean): Promise<Principal | undefined> {
  const idHash = hashOf(cookie)
  const session = await findSession(store.db, idHash)
  if (session === undefined || session.user.disabled) return undefined
  if (session.expiresAt <= now || now - session.lastSeenAt >= SESSION_IDLE_MS) return undefined
  if (isUse && now - session.lastSeenAt >= TOUCH_MS) await touchSession(store.db, idHash, now)
  const { user, expiresAt } = session
  return { kind: 'session', user, role: user.role, idHash, csrf: csrfOf(cookie), expiresAt }
}
