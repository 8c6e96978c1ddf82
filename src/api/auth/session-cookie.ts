/** The cookie of a browser session: not for scripts, not for other sites; by TLS only, where there is TLS. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SESSION_MS } from './authenticate.ts'

/** `__Host-`: browsers take it only by TLS, from this very host and without a domain, so that no neighbouring host can plant one. */
export const cookieName = (secure: boolean) => (secure ? '__Host-understudy' : 'understudy')

const options = (secure: boolean) => ({ path: '/', httpOnly: true, sameSite: 'strict', secure }) as const

export function setSessionCookie(reply: FastifyReply, secure: boolean, value: string): void {
  void reply.setCookie(cookieName(secure), value, { ...options(secure), maxAge: SESSION_MS / 1000 })
}

export function clearSessionCookie(reply: FastifyReply, secure: boolean): void {
  void reply.clearCookie(cookieName(secure), options(secure))
}

export function presentedBy(request: FastifyRequest, secure: boolean): { authorization: string | undefined; cookie: string | undefined } {
  return { authorization: request.headers.authorization, cookie: request.cookies[cookieName(secure)] }
}
