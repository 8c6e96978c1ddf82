/** Who decides whether a certificate is accepted. The connection itself asks before it sends anything: tls-pinning.ts. */
import { explainedTrust } from './explained-trust.ts'
import { normalFingerprint } from './fingerprint.ts'
import { knownCertificates, knownCertificatesFile } from './known-certificates.ts'

/** `changed`: another certificate was accepted for this address before; `where` names what remembers it. */
export type TrustAnswer = 'accepted' | 'refused' | { readonly changedFrom: string; readonly where?: string }

export interface TrustPolicy {
  /** Whether the certificate with this SHA-256 fingerprint (`AB:CD:…`) is the right one for `host:port`. */
  check(address: string, fingerprint: string): Promise<TrustAnswer>
}

/** Shows a fingerprint to somebody and tells what they said. Only for terminals. */
export type TrustAsker = (address: string, fingerprint: string) => Promise<boolean>

/** Fingerprints out of `--trust` and UNDERSTUDY_TRUST: separated by commas or spaces. Throws on one that is none. */
export function parseFingerprints(texts: readonly string[]): string[] {
  return texts
    .flatMap((text) => text.split(/[\s,]+/))
    .filter((word) => word !== '')
    .map((word) => {
      const fingerprint = normalFingerprint(word)
      if (fingerprint === undefined) {
        throw new TypeError(`${word} is not a SHA-256 fingerprint: 64 hexadecimal digits, colons between them or not`)
      }
      return fingerprint
    })
}

/** Accepts exactly these certificates, at any address. */
export function trustListed(fingerprints: readonly string[]): TrustPolicy {
  const listed = new Set(parseFingerprints(fingerprints))
  return { check: async (_address, fingerprint) => (listed.has(normalFingerprint(fingerprint) ?? '') ? 'accepted' : 'refused') }
}

/**
 * Accepts what was accepted before for the address, by a file; asks about an address not seen before when there is somebody
 * to ask, and then remembers. A changed certificate is never asked about: who is asked often says yes.
 */
export function trustRemembered(file: string, ask?: TrustAsker): TrustPolicy {
  const known = knownCertificates(file)
  return {
    async check(address, fingerprint) {
      const before = await known.find(address)
      if (before === fingerprint) return 'accepted'
      if (before !== undefined) return { changedFrom: before, where: file }
      if (!ask || !(await ask(address, fingerprint))) return 'refused'
      await known.remember(address, fingerprint)
      return 'accepted'
    },
  }
}

/** Accepts what any of them accepts, asked in order; otherwise a changed certificate outweighs an unknown one. */
export const trustAny = (...policies: readonly TrustPolicy[]): TrustPolicy => explainedTrust(policies.map((policy) => ['', policy]))

/** The trust of programs without labels and questions of their own: what is listed, then UNDERSTUDY_TRUST, then what is remembered. */
export function commandTrust(options: {
  readonly trust?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}): TrustPolicy {
  const env = options.env ?? process.env
  return trustAny(trustListed([...(options.trust ?? []), env.UNDERSTUDY_TRUST ?? '']), trustRemembered(knownCertificatesFile(env)))
}
