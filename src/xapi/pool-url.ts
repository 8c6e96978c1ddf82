/** URLs of pools as users type them, and the addresses made of them. */
import { isIP } from 'node:net'

/** Where a server listens. `host` is without brackets. */
export interface Address {
  readonly host: string
  readonly port: number
  /** Whether the connection is encrypted. */
  readonly tls: boolean
}

export interface PoolLogin {
  /** Without credentials: safe to show. */
  readonly url: string
  readonly user: string
  readonly password: string
}

export interface PlainHttpOption {
  /** Accept `http://` for hosts other than this machine. The password then travels readable by everybody on the way. */
  readonly allowPlainHttp?: boolean
}

/** A URL that can't be used, with what is wrong about it. Never repeats the password. */
export class PoolUrlError extends Error {
  readonly code = 'POOL_URL_INVALID'
  constructor(message: string) {
    super(message)
    this.name = 'PoolUrlError'
  }
}

const EXAMPLE = 'https://root:password@host'

/**
 * `https://user:password@host:port`, user and password percent-encoded. Throws PoolUrlError.
 * `http://` goes only to this machine: XAPI listens on port 80 too, but there a password and a session would be readable on
 * the network, and nothing tells who answers (G10).
 */
export function parsePoolUrl(text: string, options: PlainHttpOption = {}): PoolLogin {
  const parsed = parseUrl(text)
  if (parsed.username === '') throw new PoolUrlError(`pool URL without a user: write it as ${EXAMPLE}`)
  if (parsed.password === '') throw new PoolUrlError(`pool URL without a password: write it as ${EXAMPLE}`)
  const address = addressOf(parsed, options)
  return { url: formatUrl(address), user: decode(parsed.username, 'user'), password: decode(parsed.password, 'password') }
}

/** Address of a pool URL without credentials. Throws PoolUrlError. */
export function parseAddress(url: string, options: PlainHttpOption = {}): Address {
  const parsed = parseUrl(url)
  if (parsed.username !== '' || parsed.password !== '') throw new PoolUrlError('credentials are not expected in this URL')
  return addressOf(parsed, options)
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress(address: Address): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}

/** `https://host:port`; the port is left out when it is the usual one. */
export function formatUrl(address: Address): string {
  const usual = address.tls ? 443 : 80
  const host = formatAddress(address)
  return `${address.tls ? 'https' : 'http'}://${address.port === usual ? host.slice(0, host.lastIndexOf(':')) : host}`
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost') || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}

function parseUrl(text: string): URL {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw new PoolUrlError(`pool URL without https:// in front: write it as ${EXAMPLE}`)
  if (scheme !== 'https' && scheme !== 'http')
    throw new PoolUrlError(`pool URL with ${scheme}://, which is not a way to XAPI: write it as ${EXAMPLE}`)
  let parsed: URL
  try {
    parsed = new URL(text)
  } catch {
    // The text itself is not repeated: it may hold a password with a character that should have been encoded.
    throw new PoolUrlError(`pool URL can't be read: write it as ${EXAMPLE}, with special characters of user and password percent-encoded`)
  }
  if (parsed.pathname !== '/' || parsed.search !== '' || parsed.hash !== '') {
    throw new PoolUrlError(
      `pool URL with something behind the host: write it as ${EXAMPLE} (a /, ? or # in the password is written %2F, %3F or %23)`,
    )
  }
  return parsed
}

function addressOf(parsed: URL, options: PlainHttpOption): Address {
  const tls = parsed.protocol === 'https:'
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  if (!tls && !isLoopback(host) && !options.allowPlainHttp) {
    throw new PoolUrlError(`http:// would send the password of ${host} readable over the network: use https://`)
  }
  if (parsed.port === '0') throw new PoolUrlError('pool URL with port 0')
  return { host, port: parsed.port === '' ? (tls ? 443 : 80) : Number(parsed.port), tls }
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new PoolUrlError(`the ${what} in the pool URL has a % that is not followed by two hexadecimal digits: write a % as %25`)
  }
}
