/**
 * Calls as one host of a pool takes them: only the master serves users, others tell where it is (xen-api ocaml/xapi/session_check.ml,
 * xapi_session.ml), and a host that boots or has lost its master is in emergency mode (ocaml/xapi/api_server.ml).
 */
import { ReplyPage } from '../http/reply-page.ts'
import type { Route } from '../http/server.ts'
import { type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import type { Dispatcher } from '../rpc/dispatcher.ts'
import { signature } from '../rpc/signatures.ts'
import { sessionsOf } from '../session/sessions.ts'
import type { PoolHosts } from './pool-hosts.ts'

type Dispatch = Pick<Dispatcher, 'dispatch'>

/** Those of the calls served in emergency mode that users make (emergency_calls in ocaml/idl/datamodel.ml). */
const EMERGENCY: ReadonlySet<string> = new Set([
  'session.slave_local_login_with_password',
  'session.local_logout',
  'pool.emergency_transition_to_master',
  'host.get_system_status_capabilities',
])
const LOCAL_LOGIN = 'session.slave_local_login_with_password'

/** Sessions that are good on one host only, by reference. */
export type LocalSessions = Map<string, Refstring>

/** Whether a host has no database to look into: it boots, or there is no master. */
function isCutOff(pool: LabPool, hosts: PoolHosts, host: Refstring): boolean {
  return [host, pool.refs.host].some((ref) => hosts.find(ref)?.state !== 'up')
}

/** Transfers at a host that is cut off: no session can be looked up, so that none is good (validate_session in ocaml/xapi/xapi_http.ml). */
export function gatedRoute(pool: LabPool, hosts: PoolHosts, host: Refstring, route: Route): Route {
  if (route.method !== 'GET' && route.method !== 'PUT') return route
  return {
    ...route,
    async handle(head, wire) {
      if (isCutOff(pool, hosts, host)) throw new ReplyPage('unauthorised', `${head.method.toLowerCase()}_${head.path.slice(1)}`)
      return route.handle(head, wire)
    },
  }
}

export function hostGate(pool: LabPool, dispatcher: Dispatch, hosts: PoolHosts, locals: LocalSessions, host: Refstring): Dispatch {
  const masterAddress = () => pool.db.get('host', pool.refs.host).address as string

  /** Whether the call is one of a session of this host alone, which may do everything here; HOST_IS_SLAVE and SESSION_INVALID otherwise. */
  const assertServed = (name: string, params: readonly unknown[]) => {
    if (name === LOCAL_LOGIN) return
    if (name.startsWith('session.login')) throw new XapiFailure('HOST_IS_SLAVE', [masterAddress()])
    if (signature(name)?.session !== true) return
    const session = String(params[0])
    if (locals.has(session)) return
    sessionsOf(pool).check(session)
    throw new XapiFailure('HOST_IS_SLAVE', [masterAddress()])
  }

  return {
    async dispatch(fullName, params) {
      const name = fullName.replace(/^(Async|InternalAsync)\./, '')
      const isMaster = pool.refs.host === host
      if (isCutOff(pool, hosts, host) && !EMERGENCY.has(name)) throw new XapiFailure('HOST_STILL_BOOTING')
      const session = String(params[0])
      const owner = locals.get(session)
      if (owner !== undefined && owner !== host && signature(name)?.session === true) throw new XapiFailure('SESSION_INVALID', [session])
      if (!isMaster) assertServed(name, params)
      if (name === 'pool.emergency_transition_to_master') {
        sessionsOf(pool).check(session)
        if (!isMaster) hosts.soon(() => hosts.becomeMaster(host))
        return { value: '', type: 'void' }
      }
      const answer = await dispatcher.dispatch(fullName, params)
      if (name === LOCAL_LOGIN) locals.set(String(answer.value), host)
      if (name === 'session.local_logout' || name === 'session.logout') locals.delete(session)
      return answer
    },
  }
}
