/** Shows the certificate of an address, so that somebody can compare it before anything is sent there. */
import type { X509Certificate } from 'node:crypto'
import { XapiConnectionError } from './errors.ts'
import { formatAddress, parseAddress } from './pool-url.ts'
import { peerCertificate } from './tls-pinning.ts'

export interface SeenCertificate {
  /** SHA-256, `AB:CD:…` */
  readonly fingerprint: string
  readonly subject: string
  readonly issuer: string
  readonly validFrom: Date
  readonly validTo: Date
}

/** Shakes hands and hangs up; nothing of HTTP is sent. Throws XapiConnectionError, PoolUrlError. */
export async function lookAtCertificate(
  url: string,
  options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
): Promise<SeenCertificate> {
  const address = parseAddress(url)
  if (!address.tls) {
    throw new XapiConnectionError('plain-http', formatAddress(address), 'an address without TLS shows no certificate', { unsent: true })
  }
  const certificate = await peerCertificate(address, options)
  return {
    fingerprint: certificate.fingerprint256,
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    validFrom: certificate.validFromDate,
    validTo: certificate.validToDate,
  }
}

/** `C=FR\nCN=host` → `C=FR, CN=host` */
const oneLine = (name: X509Certificate['subject'] | undefined): string => (name ?? '').split('\n').join(', ')
