/** The self-signed certificate of a pool's host, made once and kept in the pool's folder. */
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface HostCertificate {
  readonly cert: string
  readonly key: string
  /** SHA-256 over the certificate, `AB:CD:…`. */
  readonly fingerprint: string
}

const TEN_YEARS_MS = 10 * 365 * 24 * 60 * 60 * 1000

/** Reads the certificate of the folder, or makes one for `host` (a name) and its address. */
export async function hostCertificate(folder: string, host: string, address = '127.0.0.1'): Promise<HostCertificate> {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'certificate.pem')
  if (!existsSync(path)) {
    const made = await newCertificate(host, address)
    // Key and certificate in one file, put in place in one step: killed in between, the next start makes a new pair.
    writeFileSync(`${path}.new`, `${made.key}\n${made.cert}\n`, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  const pem = readFileSync(path, 'utf8')
  const parts = pem.split(/(?=-----BEGIN )/)
  const key = parts.find((part) => part.includes('PRIVATE KEY'))
  const cert = parts.find((part) => part.includes('BEGIN CERTIFICATE'))
  if (!key || !cert) throw new Error(`${path} does not hold a key and a certificate`)
  return { cert, key, fingerprint: new X509Certificate(cert).fingerprint256 }
}

/** A new key and its certificate for `host` (a name) and its address. */
export async function newCertificate(host: string, address = '127.0.0.1'): Promise<HostCertificate> {
  const made = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + TEN_YEARS_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: host },
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          ...(address === '127.0.0.1' ? [] : [{ type: 7 as const, ip: address }]),
        ],
      },
    ],
  })
  const cert = made.cert.trim()
  return { cert, key: made.private.trim(), fingerprint: new X509Certificate(cert).fingerprint256 }
}
