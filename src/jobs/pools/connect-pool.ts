/** Logs in to a registered pool (or one to be), trusting what was accepted for it and nothing else, and asks which pool it is (G10). */
import { Failure } from '../../core/failure.ts'
import { explainError } from '../../replication/explain.ts'
import { connectXapi } from '../../xapi/connect.ts'
import { XapiConnectionError, XapiTrustError } from '../../xapi/errors.ts'
import { normalFingerprint } from '../../xapi/fingerprint.ts'
import { formatAddress, formatUrl, parseAddress } from '../../xapi/pool-url.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { TrustPolicy } from '../../xapi/trust.ts'
import type { Xapi } from '../../xapi/xapi.ts'

export interface PoolLogin {
  readonly url: string
  readonly user: string
  readonly password: string
  /** Accepted for the pool, `AB:CD:…`. */
  readonly fingerprints: readonly string[]
}

/** `host:port` of hosts of the pool, and the fingerprints that the pool itself told of them while it was trusted. */
export type KnownHosts = ReadonlyMap<string, string>

export interface ConnectedPool {
  readonly xapi: Xapi
  readonly poolUuid: string
  /** The pool's, else its master's. */
  readonly name: string
  readonly hosts: KnownHosts
}

export interface ConnectPoolOptions {
  readonly signal: AbortSignal
  /** The pool that it has to be; undefined: whichever it is. */
  readonly expected?: string
  /** Tried when nothing answers at the URL: the master may be elsewhere by now. */
  readonly known?: KnownHosts
  /** How many attempts found nobody just before: others of the known ones are tried then. */
  readonly attempt?: number
}

/** Hosts that are tried after the first; more would make a pool that is away take minutes to be told as such. */
const OTHERS_TRIED = 3
const PASSING: ReadonlySet<string> = new Set(['unreachable', 'refused', 'timeout'])

/** Throws Failure (POOL_REPLACED, CERTIFICATE_CHANGED, SESSION_AUTHENTICATION_FAILED, POOL_UNREACHABLE…); then nothing stays open. */
export async function connectPool(
  login: PoolLogin,
  { signal, expected, known = new Map(), attempt = 0 }: ConnectPoolOptions,
): Promise<ConnectedPool> {
  const connected = await connectAny(login, known, attempt, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    throw failureOf(error)
  })
  try {
    const found = await identify(connected, signal)
    if (expected !== undefined && found.poolUuid !== expected) throw replaced(found.poolUuid, expected)
    return found
  } catch (error) {
    await connected.close()
    signal.throwIfAborted()
    throw failureOf(error)
  }
}

export function replaced(found: string, expected: string): Failure {
  return new Failure('POOL_REPLACED', `another pool (${found}) answers at the address of this one (${expected})`)
}

/** One clear error of whatever a pool's client throws. What nobody foresaw stays as it is. */
export function failureOf(error: unknown): unknown {
  if (!(error instanceof XapiTrustError)) return explainError(error)
  if (error.kind === 'changed') {
    return new Failure(
      'CERTIFICATE_CHANGED',
      `the certificate of ${error.address} was ${error.expected} and is now ${error.fingerprint}`,
      'if the host was reinstalled or got a new certificate, compare the new fingerprint with the one that the host shows, and accept it for this pool; otherwise do not go on: somebody may be in between',
      error,
    )
  }
  return new Failure(
    'CERTIFICATE_UNKNOWN',
    `the certificate of ${error.address} was never accepted: its SHA-256 fingerprint is ${error.fingerprint}`,
    'compare it with the one that the host shows, and accept it for this pool',
    error,
  )
}

async function connectAny(login: PoolLogin, known: KnownHosts, attempt: number, signal: AbortSignal): Promise<Xapi> {
  const address = parseAddress(login.url)
  const trust = acceptedOnly(formatAddress(address), login.fingerprints, known)
  const connect = (url: string) => connectXapi({ url, user: login.user, password: login.password, trust, signal })
  try {
    return await connect(login.url)
  } catch (error) {
    if (!(error instanceof XapiConnectionError && PASSING.has(error.reason))) throw error
    for (const where of othersToTry(
      [...known.keys()].filter((where) => where !== formatAddress(address)),
      attempt,
    )) {
      try {
        return await connect(`https://${where}`)
      } catch (other) {
        signal.throwIfAborted()
        // Another machine may have the address of a host by now: nothing was sent to it.
        if (!(other instanceof XapiConnectionError || other instanceof XapiTrustError)) throw other
      }
    }
    throw error
  }
}

/** So many at once, and at the next attempt those after them. */
export function othersToTry(others: readonly string[], attempt: number): string[] {
  const start = others.length === 0 ? 0 : (attempt * OTHERS_TRIED) % others.length
  return [...others.slice(start), ...others.slice(0, start)].slice(0, OTHERS_TRIED)
}

/**
 * What nobody accepted is refused, and told as changed where another one was accepted for the address. At the registered address only what
 * a person accepted counts, whatever the pool tells of its hosts.
 */
function acceptedOnly(own: string, fingerprints: readonly string[], known: KnownHosts): TrustPolicy {
  return {
    async check(address, fingerprint) {
      if (fingerprints.includes(fingerprint) || (address !== own && known.get(address) === fingerprint)) return 'accepted'
      const before = address === own ? fingerprints.at(-1) : known.get(address)
      return before === undefined ? 'refused' : { changedFrom: before }
    },
  }
}

async function identify(xapi: Xapi, signal: AbortSignal): Promise<ConnectedPool> {
  const [pool] = (await xapi.records('pool', { signal })).values()
  if (!pool) throw new XapiConnectionError('not-xapi', xapi.url, 'it tells of no pool')
  const records = await xapi.records('host', { signal })
  const hosts = await hostsOf(xapi, signal, records)
  return { xapi, poolUuid: pool.uuid, name: pool.name_label || (records.get(pool.master)?.name_label ?? ''), hosts }
}

/** What the pool tells of its hosts. */
export async function hostsOf(xapi: Xapi, signal: AbortSignal, hosts?: ReadonlyMap<Ref<'host'>, RecordOf['host']>): Promise<KnownHosts> {
  const records = hosts ?? (await xapi.records('host', { signal }))
  // XAPI before 2021 has no such class; its hosts are found by the registered one then, or vouched for as they are met.
  const certificates = await xapi.records('Certificate', { signal }).catch(() => new Map<never, never>())
  const address = parseAddress(xapi.url)
  const known = new Map<string, string>()
  for (const { host, type, fingerprint_sha256, fingerprint } of certificates.values()) {
    const told = normalFingerprint(fingerprint_sha256 ?? fingerprint ?? '')
    const where = records.get(host)?.address
    if (type === 'host' && told !== undefined && where) known.set(formatAddress({ ...address, host: where }), told)
  }
  return known
}

/** The address as it is stored: without what it need not have. Throws Failure POOL_URL_INVALID. */
export function normalUrl(url: string): string {
  try {
    return formatUrl(parseAddress(url))
  } catch (error) {
    throw failureOf(error)
  }
}
