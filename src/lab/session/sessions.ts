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
  /** SESSION_INVALID for an unknown or expired session; a good one is touched. */
  check(session: string): void
  /** Removes sessions that nobody used for a day. */
  collect(): void
}

/** Idle sessions end after 24 h (inactive_session_timeout in xapi_globs.ml). */
const IDLE_MS = 24 * 60 * 60 * 1000
/** Sessions of one originator, and of one user name; the longest unused go first (max_sessions in db_gc_util.ml). */
const MAX_SESSIONS = 500
/** How much older `last_active` may be than it should, before it is written again (consider_touching_session). */
const TOUCH_MS = 1000

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
  const evict = (field: 'originator' | 'auth_user_name', value: string) => {
    const same = db.refs('session').filter((ref) => db.get('session', ref)[field] === value)
    if (same.length <= MAX_SESSIONS) return
    same.sort((a, b) => (lastActive.get(a) ?? 0) - (lastActive.get(b) ?? 0))
    for (const ref of same.slice(0, same.length - MAX_SESSIONS)) remove(ref)
  }
  const expired = (ref: Refstring) => pool.now().getTime() - (lastActive.get(ref) ?? 0) > IDLE_MS
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
      evict('originator', originator)
      evict('auth_user_name', user)
      return ref
    },
    logout: remove,
    check(ref) {
      const row = db.find('session', ref)
      if (row && expired(ref)) remove(ref)
      else if (row) {
        const now = pool.now().getTime()
        lastActive.set(ref, now)
        if (now - (parseXapiDate(row.last_active as string) ?? 0) > TOUCH_MS)
          db.update('session', ref, { last_active: xapiDate(pool.now()) })
        return
      }
      throw new XapiFailure('SESSION_INVALID', [ref])
    },
    collect() {
      for (const ref of db.refs('session')) if (expired(ref)) remove(ref)
    },
  }
  ofPool.set(pool, sessions)
  return sessions
}
