/**
 * The guest's side of a disk as an NBD server on a unix socket: through it any program reads and writes a running VM's disk, as
 * the VM would. Speaks what current clients expect: GO, INFO, LIST, EXPORT_NAME; reads, writes, trims, zeroes, flushes.
 */
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Disk } from '../pool.ts'
import { ClientSocket } from './client-socket.ts'
import { negotiateGuestDisk } from './guest-disk-negotiation.ts'
import { serveGuestRequests } from './guest-disk-requests.ts'

export interface GuestDiskOptions {
  /** Where to listen; a socket left there by an earlier process is replaced. */
  readonly socketPath: string
  /** The disk's bytes as of now, asked for before every piece: throws while no guest can use it, and requests then fail with EIO. */
  readonly disk: () => Disk
  /** Bytes, for telling clients while `disk` throws; without it they can't connect then. */
  readonly size?: (() => number) | undefined
  /** Whether clients may write; asked for each connection. Default true. */
  readonly writable?: boolean | (() => boolean) | undefined
}

export interface GuestDiskServer {
  /** Cuts every connection and removes the socket. Safe more than once. */
  close(): Promise<void>
}

/** Starts serving; any number of clients at once. */
export async function serveGuestDisk(options: GuestDiskOptions): Promise<GuestDiskServer> {
  const clients = new Set<ClientSocket>()
  const serving = new Set<Promise<void>>()

  async function serve(client: ClientSocket): Promise<void> {
    const writable = typeof options.writable === 'function' ? options.writable() : (options.writable ?? true)
    const size = () => options.size?.() ?? options.disk().size
    const chosen = await negotiateGuestDisk(client, { size, writable })
    if (chosen !== undefined) await serveGuestRequests(client, { disk: options.disk, size: chosen, writable })
  }

  const server = createServer((socket) => {
    const client = new ClientSocket(socket)
    clients.add(client)
    void client.closed.then(() => clients.delete(client))
    // Whatever ends a connection, the client sees it end; there is nobody else to tell.
    const work = serve(client)
      .catch(() => undefined)
      .finally(() => {
        client.end()
        serving.delete(work)
      })
    serving.add(work)
  })
  rmSync(options.socketPath, { force: true })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(options.socketPath, listening.resolve)
  await listening.promise
  let closing: Promise<void> | undefined
  return {
    close() {
      closing ??= (async () => {
        const closed = Promise.withResolvers<void>()
        server.close(() => closed.resolve())
        for (const client of clients) client.destroy()
        await Promise.all(serving)
        await closed.promise
      })()
      return closing
    },
  }
}
