/**
 * The NBD server of a simulated host, as limited as xapi-nbd: which clients it takes (xen-api `ocaml/nbd/src/main.ml`), how it
 * negotiates and serves (xapi-project/nbd `lib/server.ml`), how it attaches disks to the control domain and lets them go
 * (xen-api `ocaml/nbd/src/cleanup.ml`).
 */
import { createServer, type Socket } from 'node:net'
import type { Attachment, LabPool, Refstring } from '../pool.ts'
import { ClientSocket } from './client-socket.ts'
import { openExport } from './xapi-nbd-export.ts'
import { negotiate } from './xapi-nbd-negotiation.ts'
import { serveReads } from './xapi-nbd-reads.ts'

/** Connections at the same time, of all clients together (`connection_limit` in ocaml/nbd/lib/consts.ml). */
const CONNECTION_LIMIT = 16

export interface XapiNbd {
  readonly port: number
  /** Cuts every connection, detaches every disk at once, and stops listening. */
  stop(): Promise<void>
}

export interface NbdServerOptions {
  /** 0: a free one. */
  readonly port: number
  /** Address to listen on. */
  readonly host?: string
  /** Whose server it is; absent: the pool's only host's. */
  readonly served?: { readonly host: Refstring; readonly certificate: () => LabPool['certificate'] }
}

/**
 * Serves the pool's disks on `host` (127.0.0.1) and `port` (0: a free one). What a crash leaves attached is removed by the storage
 * manager's start.
 */
export async function startXapiNbd(pool: LabPool, { port, host = '127.0.0.1', served }: NbdServerOptions): Promise<XapiNbd> {
  const clients = new Set<ClientSocket>()
  const serving = new Set<Promise<void>>()
  const stopping = Promise.withResolvers<void>()
  let stopped = false

  async function serve(client: ClientSocket): Promise<void> {
    const tls = speaksTls(pool)
    if (tls === undefined) return
    const exportName = await negotiate(client, tls ? (served?.certificate() ?? pool.certificate) : undefined)
    if (exportName === undefined) return
    const attachment = await openExport(pool, exportName, served?.host)
    client.tap = pool.faults.tapNbd(client, attachment.disk.uuid)
    try {
      await serveReads(client, attachment.disk)
    } finally {
      await detachLater(attachment)
    }
  }

  async function detachLater(attachment: Attachment): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, stopped ? 0 : pool.settings.nbdDetachMs)
    await Promise.race([late.promise, stopping.promise])
    clearTimeout(timer)
    await attachment.detach()
  }

  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    if (serving.size >= CONNECTION_LIMIT || stopped) return void socket.destroy()
    const client = new ClientSocket(socket, pool.faults.traffic)
    clients.add(client)
    void client.closed.then(() => clients.delete(client))
    // Every failure hangs up, and tells nobody but the real server's log. The socket is closed, and the connection stops
    // counting, only after the disk was detached.
    const work = serve(client)
      .catch(() => undefined)
      .finally(() => {
        client.end()
        serving.delete(work)
      })
    serving.add(work)
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(port, host, listening.resolve)
  await listening.promise
  const bound = server.address()
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : port,
    async stop() {
      stopped = true
      stopping.resolve()
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      for (const client of clients) client.destroy()
      await Promise.all(serving)
      await closed.promise
    },
  }
}

/**
 * What the purposes of the pool's networks say at this moment: true for forced TLS, false for clear text, undefined to refuse
 * everybody, because there is no such network or because they contradict each other.
 */
function speaksTls({ db }: LabPool): boolean | undefined {
  const purposes = db.refs('network').flatMap((network) => db.get('network', network).purpose as readonly string[])
  const secure = purposes.includes('nbd')
  return secure === purposes.includes('insecure_nbd') ? undefined : secure
}
