/** SHA-256 fingerprints of certificates, in their one spelling: `AB:CD:…`. */
import { X509Certificate } from 'node:crypto'

/** The fingerprint in its one spelling; undefined when the text can't be one. Colons, case and a `SHA256:` in front don't matter. */
export function normalFingerprint(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, '')
    .replaceAll(':', '')
    .toUpperCase()
  return /^[0-9A-F]{64}$/.test(digits) ? (digits.match(/../g) as string[]).join(':') : undefined
}

/** Fingerprint of a certificate in PEM. Throws on what is none. */
export function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256
}
