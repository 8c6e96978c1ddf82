/**
 * Certificates of other hosts of a pool, learnt from a host that is trusted already: whoever accepts one host of a pool accepts what that
 * host says of its fellows (G10). Where nothing can be learnt, the trust policy decides, as for any address not seen before.
 */
import { fingerprintOf, normalFingerprint } from './fingerprint.ts'
import type { Address } from './pool-url.ts'
import type { PinnedConnector } from './tls-pinning.ts'

type Send = (method: string, params: readonly unknown[]) => Promise<unknown>

/** Accepts the certificate of the host of this address, when the pool knows it. `send` adds what the calls need as session. */
export async function vouchForHost(connector: PinnedConnector, send: Send, address: Address): Promise<void> {
  if (connector.fingerprint(address) !== '') return
  const host = await hostAt(send, address.host)
  if (host === undefined) return
  // The host itself is asked for it; one that does not answer has its certificate in the database.
  const told = await send('host.get_server_certificate', [host]).then(
    (pem) => fingerprintOf(String(pem)),
    () => recordedFingerprint(send, host),
  )
  if (told !== undefined) connector.vouch(address, told)
}

/**
 * Asks a host that is not the master for the master's certificate. It serves nobody but sessions of its own (slave_local_login_with_password
 * in xen-api ocaml/xapi/xapi_session.ml, session_check.ml), which read the pool's database through it. The password has just been
 * sent to it, by the login that it refused. Never throws: a host that does not know this leaves the question to the trust policy.
 */
export async function vouchForMaster(
  asked: {
    readonly connector: PinnedConnector
    readonly send: Send
    readonly user: string
    readonly password: string
    /** Told the session, before anything can fail that repeats it. */
    keepSecret(session: string): void
  },
  address: Address,
): Promise<void> {
  const { connector, send, user, password } = asked
  try {
    const session = String(await send('session.slave_local_login_with_password', [user, password]))
    asked.keepSecret(session)
    try {
      const own: Send = (method, params) => send(method, [session, ...params])
      const host = await hostAt(own, address.host)
      const told = host === undefined ? undefined : await recordedFingerprint(own, host)
      if (told !== undefined) connector.vouch(address, told)
    } finally {
      await send('session.local_logout', [session]).catch(() => undefined)
    }
  } catch {
    // Asking was worth a try, no more.
  }
}

async function hostAt(send: Send, address: string): Promise<string | undefined> {
  const hosts = (await send('host.get_all_records', [])) as Record<string, { readonly address?: unknown }>
  return Object.entries(hosts).find(([, host]) => host.address === address)?.[0]
}

/** From the Certificate object of the host's own, not of the pool's internal connections (`host_internal`). */
async function recordedFingerprint(send: Send, host: string): Promise<string | undefined> {
  const all = (await send('Certificate.get_all_records', [])) as Record<string, Record<string, unknown>>
  const found = Object.values(all).find((one) => one.host === host && one.type === 'host')
  return normalFingerprint(String(found?.fingerprint_sha256 ?? found?.fingerprint ?? ''))
}
