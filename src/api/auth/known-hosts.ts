/**
 * By which names this server is known. A page of a stranger can point its own name at our address (DNS rebinding) and is then of our origin
 * for a browser; but the browser still says the name. An address instead of a name can't be pointed anywhere, so addresses are fine. Pure.
 */
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

export interface KnownNames {
  readonly names: readonly string[]
  /** Names of our own certificate are ours. */
  readonly certificate?: X509Certificate
}

/** @param host the header `Host` (`:authority`), with or without port */
export function isKnownHost(host: string | undefined, { names, certificate }: KnownNames): boolean {
  if (host === undefined) return false
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]@/\s]+)(?::\d{1,5})?$/i.exec(host)
  const name = match?.[1]?.toLowerCase().replace(/\.$/, '')
  if (name === undefined) return false
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true
  if (name === 'localhost' || names.some((known) => known.toLowerCase() === name)) return true
  return certificate?.checkHost(name, { subject: 'never' }) !== undefined
}
