/** When what was written to a connection has arrived at the other side's system: a reset before that would throw the rest away. */
import { readFile } from 'node:fs/promises'

/** Between two looks. */
const LOOK_MS = 5

/** Where the system keeps no table of its connections, the last bytes get a moment. */
const MOMENT_MS = 20

/**
 * Resolves when the other side has confirmed every byte that was handed to the system, or after `limitMs`: one that reads nothing can't
 * hold it up. Ports are those of the connection as this side has them.
 */
export async function whenArrived(localPort: number, remotePort: number, limitMs: number): Promise<void> {
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    const left = await unconfirmed(localPort, remotePort)
    if (left === 0) return
    await new Promise((resolve) => setTimeout(resolve, left === undefined ? MOMENT_MS : LOOK_MS))
    if (left === undefined) return
  }
}

/** Bytes sent or to be sent that the other side has not confirmed; 0 when there is no such connection, undefined when that can't be told. */
async function unconfirmed(localPort: number, remotePort: number): Promise<number | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'latin1').catch(() => undefined)))
  if (tables.every((table) => table === undefined)) return undefined
  for (const line of tables.flatMap((table) => table?.split('\n').slice(1) ?? [])) {
    // proc(5): number, local address:port, remote address:port, state, tx_queue:rx_queue, all in hexadecimal.
    const [, local, remote, , queues] = line.trim().split(/\s+/)
    if (portOf(local) === localPort && portOf(remote) === remotePort) return Number.parseInt(queues ?? '0', 16)
  }
  return 0
}

function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(':').at(-1) ?? '', 16)
}
