/** Who a bulk request comes from: a session by cookie or query, else name and password (xen-api ocaml/xapi/xapi_http.ml). */
import type { BulkRequest, LabPool, Refstring } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'
import { ReplyPage } from './reply-page.ts'

export interface Authenticated {
  readonly session: Refstring
  /** Ends a session that was made for this request only. */
  done(): void
}

/** Throws ReplyPage: 401 with the realm, or the 500 page for a scheme that is not known. */
export async function authenticate(pool: LabPool, request: BulkRequest, realm: string): Promise<Authenticated> {
  const sessions = sessionsOf(pool)
  const session = request.parameter('session_id')
  if (session !== undefined) {
    try {
      sessions.check(session)
    } catch {
      throw new ReplyPage('unauthorised', realm)
    }
    return { session, done: () => {} }
  }
  const header = request.headers.get('authorization')
  if (header === undefined) throw new ReplyPage('unauthorised', realm)
  const [, encoded] = /^basic\s+(\S+)$/i.exec(header) ?? []
  if (encoded === undefined) throw new ReplyPage('internal error', 'Unknown authorization header')
  const [user = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  const made = await sessions.login(user, rest.join(':'), 'Basic auth').catch(() => {
    throw new ReplyPage('unauthorised', realm)
  })
  return { session: made, done: () => sessions.logout(made) }
}
