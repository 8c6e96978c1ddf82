/** The objects that a bulk request names (xen-api ocaml/xapi/importexport.ml). */
import { isLiveHost } from '../hosts/away.ts'
import { hostsOf } from '../hosts/pool-hosts.ts'
import { type BulkRequest, type LabPool, type Refstring, XapiFailure } from '../pool.ts'

/** The VDI in a parameter, by reference or uuid; undefined when there is no such parameter. UUID_INVALID when there is no such VDI. */
export function namedVdi(pool: LabPool, request: BulkRequest, parameter: 'vdi' | 'base'): Refstring | undefined {
  const name = request.parameter(parameter)
  if (name === undefined) return undefined
  if (pool.db.find('VDI', name)) return name
  const found = pool.db.byUuid('VDI', name)
  if (found === undefined) throw new XapiFailure('UUID_INVALID', ['VDI', name])
  return found
}

/** The SR that a request names: `sr_id` as it is, dead or alive, else `sr_uuid`, which has to exist (UUID_INVALID). */
export function namedSr(pool: LabPool, request: BulkRequest): Refstring | undefined {
  const ref = request.parameter('sr_id')
  if (ref !== undefined) return ref
  const uuid = request.parameter('sr_uuid')
  if (uuid === undefined) return undefined
  const found = pool.db.byUuid('SR', uuid)
  if (found === undefined) throw new XapiFailure('UUID_INVALID', ['SR', uuid])
  return found
}

export type Format = 'raw' | 'vhd' | 'qcow2' | 'tar'
const FORMATS: readonly string[] = ['raw', 'vhd', 'qcow2', 'tar'] satisfies Format[]

/** The format asked for, in any case of letters; raw when none is. Unknown ones come back as they were written. */
export function askedFormat(request: BulkRequest): { known: Format } | { unknown: string } {
  const text = request.parameter('format')
  if (text === undefined) return { known: 'raw' }
  const lower = text.toLowerCase()
  return FORMATS.includes(lower) ? { known: lower as Format } : { unknown: text }
}

/**
 * Whether this host has all of the SRs attached; if not, where to go: the URL for a 302 to a host that has. NO_HOSTS_AVAILABLE when
 * none has, also for an SR that doesn't exist.
 */
export function redirectFor(pool: LabPool, request: BulkRequest, ...srs: readonly Refstring[]): string | undefined {
  const { db, refs } = pool
  const pbds = db.refs('PBD').map((ref) => db.get('PBD', ref))
  const sees = (host: Refstring) => srs.every((sr) => pbds.some((pbd) => pbd.SR === sr && pbd.host === host && pbd.currently_attached))
  // A host that nobody simulates (a test's own record) counts as there.
  const hosts = db.refs('host').filter((host) => sees(host) && (hostsOf(pool)?.find(host) === undefined || isLiveHost(db, host)))
  if (hosts.includes(request.host ?? refs.host)) return undefined
  const [elsewhere] = hosts
  if (elsewhere === undefined) throw new XapiFailure('NO_HOSTS_AVAILABLE')
  const query = request.query.toString()
  const place = hostsOf(pool)?.find(elsewhere)
  // Real hosts listen on 443, so that no port is told; those of a lab listen elsewhere.
  const where = (place?.url ?? `https://${db.get('host', elsewhere).address}`).replace(/:443$/, '')
  return `${where}${request.path}${query === '' ? '' : `?${query}`}`
}
