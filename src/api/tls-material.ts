/** Key and certificate of the server: somebody's own, or one that it makes for itself once and keeps. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { Failure } from '../core/failure.ts'

export interface TlsMaterial {
  /** PEM, with the chain */
  readonly cert: string
  /** PEM */
  readonly key: string
  readonly certificate: X509Certificate
}

const FILE = 'server-certificate.pem'
const YEARS_MS = 10 * 365 * 24 * 3_600_000

/** Own files; TLS_UNUSABLE when they can't be read, or don't belong together. */
export function ownTls(certFile: string, keyFile: string): TlsMaterial {
  try {
    return checked(readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8'))
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('TLS_UNUSABLE', `${certFile} and ${keyFile} can't be used: ${(error as Error).message}`, undefined, error)
  }
}

/** Made at the first start, then the same at each: its fingerprint is what people and programs remember. */
export async function selfSignedTls(folder: string, names: readonly string[]): Promise<TlsMaterial> {
  const file = join(folder, FILE)
  if (!existsSync(file)) {
    const made = await newCertificate(names)
    // Key and certificate in one file, put in place in one step: killed in between, the next start makes a new pair.
    writeFileSync(`${file}.new`, made, { mode: 0o600 })
    chmodSync(`${file}.new`, 0o600)
    renameSync(`${file}.new`, file)
  }
  const parts = readFileSync(file, 'utf8').split(/(?=-----BEGIN )/)
  try {
    return checked(parts.find((part) => part.includes('BEGIN CERTIFICATE')) ?? '', parts.find((part) => part.includes('PRIVATE KEY')) ?? '')
  } catch (error) {
    throw new Failure(
      'TLS_UNUSABLE',
      `${file} can't be used: ${(error as Error).message}`,
      'remove it: a new one is made, with another fingerprint',
      error,
    )
  }
}

function checked(cert: string, key: string): TlsMaterial {
  const certificate = new X509Certificate(cert)
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Failure('TLS_UNUSABLE', 'the key is not that of the certificate')
  return { cert, key, certificate }
}

async function newCertificate(names: readonly string[]): Promise<string> {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address.replace(/%.*$/, '')))
  const dns = [...new Set([hostname(), 'localhost', ...names])]
  const made = await generate([{ name: 'commonName', value: hostname() }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + YEARS_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...dns.map((value) => ({ type: 2 as const, value })),
          ...[...new Set(['127.0.0.1', '::1', ...addresses])].map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  })
  return `${made.private.trim()}\n${made.cert.trim()}\n`
}
