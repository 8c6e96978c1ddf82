import { reaches } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import { addToken } from '../../store/users/add-token.ts'
import { listTokens } from '../../store/users/list-tokens.ts'
import { revokeToken } from '../../store/users/revoke-token.ts'
import { hashOf, newToken } from '../auth/credentials.ts'
import { InputInvalid } from '../problem.ts'
import { route } from '../route.ts'
import * as schema from '../schema/access.ts'
import { page } from '../schema/forms.ts'

export const tokenRoutes = [
  route({
    method: 'GET',
    path: '/tokens',
    needs: 'viewer',
    summary: "Lists one's own API tokens; for administrators all of them",
    reply: page(schema.apiToken, 'TokenPage'),
    handle: async ({ api, who }) => ({
      items: await listTokens(api.store.db, who.role === 'administrator' ? undefined : who.user.id),
      next: null,
    }),
  }),
  route({
    method: 'POST',
    path: '/tokens',
    needs: 'viewer',
    summary: 'Makes an API token for oneself; its secret is shown this once',
    description: 'It may do no more, and live no longer, than what it is made with.',
    body: schema.newToken,
    reply: schema.shownToken,
    status: 201,
    audit: 'token.add',
    // Takes no Idempotency-Key: its answer holds a secret.
    async handle({ api, body: { name, role, expiresAt }, who, reply }) {
      const now = api.now()
      const end = expiresAt === null ? null : Date.parse(expiresAt)
      if (end !== null && end <= now) throw new InputInvalid([{ field: 'expiresAt', message: 'must be in the future' }])
      if (!reaches(who.role, role)) throw new Failure('TOKEN_BEYOND', `a ${who.role} can't make a token of role ${role}`)
      if (who.kind === 'token' && who.expiresAt !== null && (end === null || end > who.expiresAt)) {
        throw new Failure('TOKEN_BEYOND', 'a token can make only tokens that end no later than itself')
      }
      const secret = newToken()
      const token = await addToken(api.store.db, who.user, { name, role, tokenHash: hashOf(secret), expiresAt: end }, now)
      void reply.header('cache-control', 'no-store')
      return { ...token, secret }
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/:id',
    needs: 'viewer',
    summary: "Revokes one of one's own tokens; administrators any",
    audit: 'token.revoke',
    async handle({ api, params, who }) {
      await revokeToken(api.store.db, params.id, api.now(), who.role === 'administrator' ? undefined : who.user.id)
      api.endings.ended({ token: params.id })
      return undefined
    },
  }),
]
