/** What every request passes before anything of it is read: who asks, from which page, and whether their role reaches. */
import type { FastifyRequest } from 'fastify'
import { reaches } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import type { ApiContext } from '../api-context.ts'
import { recordAudit } from '../record-audit.ts'
import type { AnyRoute } from '../route.ts'
import { authenticate } from './authenticate.ts'
import { sameText } from './credentials.ts'
import { isCrossSite, isSafe } from './cross-site.ts'
import { actorOf, type Principal } from './principal.ts'
import { presentedBy } from './session-cookie.ts'

declare module 'fastify' {
  interface FastifyRequest {
    who: Principal | null
  }
}

/** Sets `request.who`. NOT_SIGNED_IN, CROSS_SITE, CSRF_MISSING, NOT_ALLOWED */
export async function admit(api: ApiContext, route: AnyRoute, request: FastifyRequest): Promise<void> {
  const { origin, host, 'sec-fetch-site': fetchSite } = request.headers
  if (isCrossSite({ method: request.method, host, origin, fetchSite: fetchSite?.toString() })) {
    throw new Failure('CROSS_SITE', 'a page of another site made this request')
  }
  const who = await authenticate(presentedBy(request, api.secure), api.store, api.now(), { isUse: true })
  request.who = who ?? null
  if (route.needs === 'public') return
  if (who === undefined) throw new Failure('NOT_SIGNED_IN', 'nobody is signed in')
  if (who.kind === 'session' && !isSafe(request.method)) {
    const sent = request.headers['x-csrf-token']
    if (typeof sent !== 'string' || !sameText(sent, who.csrf)) throw new Failure('CSRF_MISSING', 'the X-CSRF-Token is missing or wrong')
  }
  if (!reaches(who.role, route.needs)) {
    const failure = new Failure(
      'NOT_ALLOWED',
      `${who.kind === 'token' ? 'the token' : who.user.name} is a ${who.role}, this takes an ${route.needs}`,
    )
    if (route.audit !== undefined) await recordAudit(api, { actor: actorOf(who), request, action: route.audit, outcome: failure.code })
    throw failure
  }
}
