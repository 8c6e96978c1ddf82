/** Sessions: logging in and out, expiry, limits (xen-api ocaml/xapi/xapi_session.ml, session_check.ml, db_gc_util.ml). */
import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { NULL } from '../database/empty-value.ts'
import { parseXapiDate, xapiDate } from '../database/xapi-date.ts'
import { type LabPool, type Refstring, XapiFailure } from '../pool.ts'

export interface Sessions {
  /** SESSION_AUTHENTICATION_FAILED, after the pool's `badLoginMs`. */
  login(user: string, password: string, originator: string): Promise<Refstring>
  logout(session: Refstring): void
  /** SESSION_INVALID for an unknown session; a good one is touched. */
  check(session: string): void
  /** Removes sessions that nobody used for a day, and the longest unused where there are too many. */
  collect(): void
}

/** Idle sessions end after 24 h (inactive_session_timeout in xapi_globs.ml). */
const IDLE_MS = 24 * 60 * 60 * 1000
/** Sessions of one originator (root) or of one user name; the longest unused go first (max_sessions_per_originator). */
const MAX_NAMED = 500
/** Sessions of root without originator (max_sessions). */
const MAX_ANONYMOUS = 400
/** `last_active` is written again when it is older than this (threshold_last_active in xapi_globs.ml). */
const TOUCH_MS = 10 * 60 * 1000

const ofPool = new WeakMap<LabPool, Sessions>()

export function sessionsOf(pool: LabPool): Sessions {
  const found = ofPool.get(pool)
  if (!found) throw new Error('this pool has no sessions')
  return found
}

const digest = (text: string) => createHash('sha256').update(text).digest()

export function createSessions(pool: LabPool): Sessions {
  const { db } = pool
  const lastActive = new Map<Refstring, number>()
  const good = (user: string, password: string) =>
    // Both are compared whatever the first says, in constant time.
    [timingSafeEqual(digest(user), digest(pool.user)), timingSafeEqual(digest(password), digest(pool.password))].every(Boolean)
  const remove = (ref: Refstring) => {
    lastActive.delete(ref)
    if (db.find('session', ref)) db.delete('session', ref)
  }
  const sessions: Sessions = {
    async login(user, password, originator) {
      if (!good(user, password)) {
        await delay(pool.settings.badLoginMs, undefined, { signal: pool.stopping })
        throw new XapiFailure('SESSION_AUTHENTICATION_FAILED', [user, 'Authentication failure'])
      }
      const now = pool.now()
      const ref = db.create('session', {
        this_host: pool.refs.host,
        this_user: NULL,
        last_active: xapiDate(now),
        validation_time: xapiDate(now),
        is_local_superuser: true,
        auth_user_name: user,
        originator,
      })
      lastActive.set(ref, now.getTime())
      return ref
    },
    logout: remove,
    check(ref) {
      const row = db.find('session', ref)
      if (!row) throw new XapiFailure('SESSION_INVALID', [ref])
      const now = pool.now()
      lastActive.set(ref, now.getTime())
      if (now.getTime() - (parseXapiDate(row.last_active as string) ?? 0) > TOUCH_MS)
        db.update('session', ref, { last_active: xapiDate(now) })
    },
    collect() {
      const groups = new Map<string, Refstring[]>()
      for (const ref of db.refs('session')) {
        const { originator, auth_user_name: name } = db.get('session', ref)
        const isRoot = name === '' || name === 'root'
        const group = isRoot ? `originator:${originator}` : `name:${name}`
        groups.set(group, [...(groups.get(group) ?? []), ref])
      }
      const time = (ref: Refstring) => lastActive.get(ref) ?? 0
      for (const [group, refs] of groups) {
        const young = refs.filter((ref) => pool.now().getTime() - time(ref) <= IDLE_MS)
        for (const ref of refs) if (!young.includes(ref)) remove(ref)
        const limit = group === 'originator:' ? MAX_ANONYMOUS : MAX_NAMED
        for (const ref of young.sort((a, b) => time(b) - time(a)).slice(limit)) remove(ref)
      }
    },
  }
  ofPool.set(pool, sessions)
  return sessions
}
