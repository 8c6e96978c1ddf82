/** What keeps the event loop of this process alive, in words. */
import { createHook } from 'node:async_hooks'
import type { AddressInfo } from 'node:net'

type Handle = {
  readonly constructor: { readonly name: string }
  address?(): AddressInfo | string | null
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly spawnfile?: string
}

/** Where each open timer, socket… was made, by its async id; filled after `watchOrigins`. */
const origins = new Map<number, string>()

/**
 * Resources that keep the process from ending, without those in `before` (an earlier answer): `TCPServerWrap (127.0.0.1:4711)`.
 * Child processes are left out: see process-tree.ts.
 */
export function openResources(before: readonly string[] = []): string[] {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const entry of before) counts.set(nameOf(entry), (counts.get(nameOf(entry)) ?? 0) - 1)
  const details = handleDetails()
  const found: string[] = []
  for (const [name, count] of counts) {
    if (name === 'ProcessWrap') continue
    for (let index = 0; index < count; index++) {
      const detail = details.get(name)?.[index]
      found.push(detail ? `${name} (${detail})` : name)
    }
  }
  return found
}

/** From now on remembers where timers, sockets and servers are made, at the cost of speed. */
export function watchOrigins(): void {
  const watched =
    /^(Timeout|Immediate|TCPWRAP|TCPSERVERWRAP|TCPCONNECTWRAP|PIPEWRAP|PIPESERVERWRAP|TLSWRAP|UDPWRAP|MESSAGEPORT|WORKER|FSEVENTWRAP)$/
  createHook({
    init(id, type) {
      if (!watched.test(type)) return
      const lines = (new Error().stack ?? '').split('\n').filter((line) => line.includes('file://') && !line.includes('open-resources.ts'))
      if (lines.length > 0) origins.set(id, `\n  ${type} made ${lines.slice(0, 4).join('\n    ').trim()}`)
    },
    destroy(id) {
      origins.delete(id)
    },
  }).enable()
}

/** Where what is open now was made; nothing before `watchOrigins`. */
export function knownOrigins(): string[] {
  return [...origins.values()]
}

function nameOf(entry: string): string {
  return entry.split(' (')[0] ?? entry
}

/** Addresses of sockets and servers by the name that getActiveResourcesInfo has for them. Node has no public way to the handles. */
function handleDetails(): Map<string, string[]> {
  const details = new Map<string, string[]>()
  const add = (name: string, text: string) => details.set(name, [...(details.get(name) ?? []), text])
  const handles = (process as unknown as { _getActiveHandles(): Handle[] })._getActiveHandles()
  for (const handle of handles) {
    const kind = handle.constructor.name
    const address = handle.address?.()
    const local = typeof address === 'string' ? address : address?.port === undefined ? '' : `${address.address}:${address.port}`
    if (kind === 'Server') add(typeof address === 'string' ? 'PipeWrap' : 'TCPServerWrap', `listening on ${local}`)
    if ((kind === 'Socket' || kind === 'TLSSocket') && handle.remotePort) {
      add('TCPSocketWrap', `${local} to ${handle.remoteAddress}:${handle.remotePort}`)
    }
  }
  return details
}
