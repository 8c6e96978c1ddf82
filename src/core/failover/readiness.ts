/** How it is told that a VM that was started is up: the conditions, and how they are written. Pure. */

export type ReadinessCheck =
  /** It has a domain. */
  | { readonly kind: 'running' }
  /** Its guest tools report. */
  | { readonly kind: 'tools' }
  /** Its guest tools tell an address. */
  | { readonly kind: 'address' }
  /** Something listens on this port of the address that its tools tell, or of `host`. */
  | { readonly kind: 'tcp'; readonly port: number; readonly host?: string }
  /** A program on this machine ends with 0. */
  | { readonly kind: 'script'; readonly path: string }

export interface Evidence {
  readonly check: string
  readonly ok: boolean
  /** Since the VM was told to start. */
  readonly seconds: number
  readonly text: string
}

export const formatCheck = (check: ReadinessCheck): string => {
  switch (check.kind) {
    case 'tcp':
      return check.host === undefined ? `tcp:${check.port}` : `tcp:${check.host}:${check.port}`
    case 'script':
      return `script:${check.path}`
    default:
      return check.kind
  }
}

/** `running`, `tools`, `address`, `tcp:PORT`, `tcp:HOST:PORT`, `tcp:[V6]:PORT`, `script:/absolute/path`; undefined for anything else. */
export function parseCheck(text: string): ReadinessCheck | undefined {
  if (text === 'running' || text === 'tools' || text === 'address') return { kind: text }
  if (/^script:\/./.test(text)) return { kind: 'script', path: text.slice('script:'.length) }
  const found = /^tcp:(?:(\[[0-9a-f:.]+\]|[^:]+):)?(\d{1,5})$/i.exec(text)
  if (found === null) return undefined
  const port = Number(found[2])
  if (port < 1 || port > 65_535) return undefined
  const host = found[1]?.replace(/^\[|\]$/g, '')
  return host === undefined ? { kind: 'tcp', port } : { kind: 'tcp', port, host }
}

/** Addresses that guest tools told (`networks` of VM_guest_metrics: `0/ip`, `0/ipv4/0`, `0/ipv6/0`…), each once. */
export function addressesOf(networks: Readonly<Record<string, string>>): string[] {
  const told = Object.entries(networks).filter(([key, value]) => /^\d+\/(ip|ipv[46]\/\d+)$/.test(key) && value !== '')
  return [...new Set(told.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value))]
}
