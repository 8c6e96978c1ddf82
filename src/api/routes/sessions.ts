import type { FastifyReply, FastifyRequest } from 'fastify'
import type { User } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import { addSession } from '../../store/users/add-session.ts'
import { addUser } from '../../store/users/add-user.ts'
import { changeUser } from '../../store/users/change-user.ts'
import { findUserByName } from '../../store/users/find-user.ts'
import { listUsers } from '../../store/users/list-users.ts'
import { noteLogin } from '../../store/users/note-login.ts'
import { removeSessions } from '../../store/users/remove-sessions.ts'
import type { ApiContext } from '../api-context.ts'
import { SESSION_MS } from '../auth/authenticate.ts'
import { csrfOf, hashOf, newSecret } from '../auth/credentials.ts'
import { checkPassword, hashPassword, refuseWeakPassword } from '../auth/password.ts'
import type { Principal } from '../auth/principal.ts'
import { clearSessionCookie, setSessionCookie } from '../auth/session-cookie.ts'
import { takeSetupLink } from '../auth/setup-links.ts'
import { SignInLimited, signIn } from '../auth/sign-in.ts'
import { problemOf } from '../problem.ts'
import { recordAudit } from '../record-audit.ts'
import { route } from '../route.ts'
import * as schema from '../schema/access.ts'

/** A new session: its cookie goes into the reply, its hash into the database. */
async function beginSession(api: ApiContext, user: User, request: FastifyRequest, reply: FastifyReply) {
  const cookie = newSecret()
  const now = api.now()
  const expiresAt = now + SESSION_MS
  await addSession(api.store.db, {
    id_hash: hashOf(cookie),
    user_id: user.id,
    created_at: now,
    last_seen_at: now,
    expires_at: expiresAt,
    address: request.ip,
    agent: (request.headers['user-agent'] ?? '').slice(0, 200),
  })
  setSessionCookie(reply, api.secure, cookie)
  void reply.header('cache-control', 'no-store')
  return { user, role: user.role, by: 'session', expiresAt: new Date(expiresAt).toISOString(), csrf: csrfOf(cookie) } as const
}

const meOf = (who: Principal) =>
  ({
    user: who.user,
    role: who.role,
    by: who.kind,
    expiresAt: who.expiresAt === null ? null : new Date(who.expiresAt).toISOString(),
    csrf: who.kind === 'session' ? who.csrf : null,
  }) as const

const NOBODY = { kind: 'system', id: '', name: 'nobody' } as const
const userActor = (user: User) => ({ kind: 'user', id: user.id, name: user.name }) as const

export const sessionRoutes = [
  route({
    method: 'POST',
    path: '/login',
    needs: 'public',
    summary: 'Signs in with name and password; the session is in a cookie',
    body: schema.credentials,
    reply: schema.me,
    // Records by itself: who it was is known only here, and a wrong name must be recorded too.
    async handle({ api, body: { name, password }, request, reply }) {
      try {
        const user = await signIn(api.store, api.limiter, { name, password, address: request.ip }, api.now())
        const me = await beginSession(api, user, request, reply)
        await recordAudit(api, { actor: userActor(user), request, action: 'login', outcome: 'done', object: user.id, details: {} })
        return me
      } catch (error) {
        if (error instanceof SignInLimited) void reply.header('retry-after', error.retryAfterSeconds)
        const outcome = problemOf(error, request.id).code
        const meant = await findUserByName(api.store.db, name)
        // A name that nobody has may be a password, typed into the wrong field.
        const details = { name: meant?.user.name ?? '(unknown)' }
        await recordAudit(api, { actor: NOBODY, request, action: 'login', outcome, object: meant?.user.id ?? '', details })
        throw error
      }
    },
  }),
  route({
    method: 'GET',
    path: '/setup',
    needs: 'public',
    summary: 'Tells whether the server waits for its first administrator',
    reply: schema.setupState,
    handle: async ({ api }) => ({ needed: (await listUsers(api.store.db)).length === 0 }),
  }),
  route({
    method: 'POST',
    path: '/setup',
    needs: 'public',
    summary: 'Makes an administrator of who has the one-time link, and signs them in',
    description:
      'The link is printed at the first start, and by `understudy server reset-admin`. A user of that name gets the password and the role.',
    body: schema.setup,
    reply: schema.me,
    status: 201,
    // Records by itself, as the login does.
    async handle({ api, body: { link, name, password }, request, reply }) {
      const now = api.now()
      // Guessing 256 bits is hopeless; this keeps it from being tried.
      const wait = api.limiter.attempt('(setup)', request.ip, now)
      if (wait > 0) {
        void reply.header('retry-after', Math.ceil(wait / 1000))
        throw new SignInLimited(wait)
      }
      refuseWeakPassword(password, name)
      const passwordHash = await hashPassword(password)
      if (!takeSetupLink(api.folder, link, now)) throw new Failure('LINK_INVALID', 'this link is not good, or not any more')
      api.limiter.succeeded('(setup)', request.ip)
      const there = await findUserByName(api.store.db, name)
      const user =
        there === undefined
          ? await addUser(api.store, { name, role: 'administrator', passwordHash }, now)
          : await changeUser(api.store, there.user.id, { role: 'administrator', disabled: false, passwordHash })
      await removeSessions(api.store.db, { user: user.id })
      api.endings.ended({ user: user.id })
      await noteLogin(api.store.db, user.id, now)
      const me = await beginSession(api, user, request, reply)
      await recordAudit(api, { actor: userActor(user), request, action: 'setup', outcome: 'done', object: user.id, details: { name } })
      return me
    },
  }),
  route({
    method: 'POST',
    path: '/logout',
    needs: 'viewer',
    summary: 'Ends the session that this is asked with; a token is not ended',
    audit: 'logout',
    async handle({ api, who, reply }) {
      if (who.kind === 'session') {
        await removeSessions(api.store.db, { idHash: who.idHash })
        api.endings.ended({ session: who.idHash })
        clearSessionCookie(reply, api.secure)
      }
      return undefined
    },
  }),
  route({
    method: 'GET',
    path: '/me',
    needs: 'viewer',
    summary: 'Tells who is asking, and what a page needs for its changes',
    reply: schema.me,
    handle({ who, reply }) {
      void reply.header('cache-control', 'no-store')
      return meOf(who)
    },
  }),
  route({
    method: 'PUT',
    path: '/me/password',
    needs: 'viewer',
    summary: "Changes one's own password, and ends one's other sessions",
    body: schema.passwordChange,
    audit: 'password.change',
    async handle({ api, body: { currentPassword, password }, who, request, reply }) {
      const now = api.now()
      const wait = api.limiter.attempt(who.user.name, request.ip, now)
      if (wait > 0) {
        void reply.header('retry-after', Math.ceil(wait / 1000))
        throw new SignInLimited(wait)
      }
      const found = await findUserByName(api.store.db, who.user.name)
      if (found === undefined || !(await checkPassword(currentPassword, found.passwordHash)).right) {
        throw new Failure('SIGN_IN_FAILED', 'the current password is wrong')
      }
      api.limiter.succeeded(who.user.name, request.ip)
      refuseWeakPassword(password, who.user.name)
      await changeUser(api.store, who.user.id, { passwordHash: await hashPassword(password) })
      const own = who.kind === 'session' ? { except: who.idHash } : {}
      await removeSessions(api.store.db, { user: who.user.id, ...own })
      api.endings.ended({ user: who.user.id, ...(who.kind === 'session' ? { exceptSession: who.idHash } : {}) })
      return undefined
    },
  }),
]
