/** What of a request may be kept: not its secrets, wherever in it they are. */
import { scrub } from './scrub.ts'
import { withoutPath } from './shown-address.ts'

const SECRET = /password|secret|token|passphrase|authorization|cookie/i
const MOST_BYTES = 4096

export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value === 'string') return scrub(value)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, SECRET.test(name) ? '(hidden)' : withoutSecrets(part)]))
}

/** For the audit log: what was asked for, or the names of its fields when it is long. */
export function auditDetails(body: unknown): Record<string, unknown> {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return {}
  const shown = (name: string, value: unknown) => (name === 'url' && typeof value === 'string' ? withoutPath(value) : value)
  const kept = JSON.parse(JSON.stringify(withoutSecrets(body)), shown) as Record<string, unknown>
  return Buffer.byteLength(JSON.stringify(kept)) <= MOST_BYTES ? kept : { fields: Object.keys(kept) }
}
