/** Programs on the manager run as the server does, with all that it can read: only administrators say which. */
import { reaches } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import type { Principal } from './principal.ts'

/** Failure SCRIPT_NOT_ALLOWED. */
export function refuseScripts(who: Principal, request: object): void {
  const checks = 'ready' in request ? (request.ready as { readonly checks?: readonly string[] } | undefined)?.checks : undefined
  const script = checks?.find((check) => check.startsWith('script:'))
  if (script === undefined || reaches(who.role, 'administrator')) return
  throw new Failure('SCRIPT_NOT_ALLOWED', `the request names a program on the manager, ${script}, and comes from an ${who.role}`)
}
