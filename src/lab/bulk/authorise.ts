import { ReplyPage } from '../http/reply-page.ts'
import { type BulkRequest, type LabPool, XapiFailure } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'
import { tasksOf } from '../tasks/tasks.ts'

/**
 * Runs a handler for whoever may use it: a session (cookie or query), else name and password, for which a session is made for the
 * time being (`assert_credentials_ok` in xen-api ocaml/xapi/xapi_http.ml). Otherwise 401, and a task that was named stays as it is.
 * Whatever the handler throws fails the named task, if it is still pending, with RBAC_PERMISSION_DENIED [http/<action>, text],
 * also where nobody's role was in question; so do real servers.
 */
export async function authorised(pool: LabPool, request: BulkRequest, action: string, handle: () => Promise<void>): Promise<void> {
  const session = request.parameter('session_id')
  const temporary = session === undefined ? await loggedIn(pool, request, action) : undefined
  if (session !== undefined) checkSession(pool, session, action)
  try {
    await handle()
  } catch (error) {
    const task = request.parameter('task_id')
    const text = error instanceof XapiFailure ? `${error.code}: [ ${error.params.join('; ')} ]` : `Failure: ${String(error)}`
    if (task !== undefined && pool.db.find('task', task))
      tasksOf(pool).fail(task, new XapiFailure('RBAC_PERMISSION_DENIED', [`http/${action}`, text]))
    throw error
  } finally {
    if (temporary !== undefined) sessionsOf(pool).logout(temporary)
  }
}

function checkSession(pool: LabPool, session: string, realm: string): void {
  try {
    sessionsOf(pool).check(session)
  } catch (error) {
    throw error instanceof XapiFailure ? new ReplyPage('unauthorised', realm) : error
  }
}

async function loggedIn(pool: LabPool, request: BulkRequest, realm: string): Promise<string> {
  const [scheme, encoded] = (request.headers.get('authorization') ?? '').split(' ')
  if (!scheme) throw new ReplyPage('unauthorised', realm)
  if (scheme.toLowerCase() !== 'basic' || !encoded) throw new ReplyPage('internal error', 'Unknown authorization header')
  const credentials = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = credentials.indexOf(':')
  try {
    return await sessionsOf(pool).login(credentials.slice(0, Math.max(0, colon)), credentials.slice(colon + 1), 'Basic auth')
  } catch (error) {
    throw error instanceof XapiFailure ? new ReplyPage('unauthorised', realm) : error
  }
}
