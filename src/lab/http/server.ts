/**
 * The HTTPS side of a pool. Written on sockets, since what has to be imitated is what HTTP libraries keep their users from: replies
 * before the body is read, further replies on the same socket, bodies that end with the connection
 * (xen-api ocaml/libs/http-lib/http_svr.ml).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { Traffic } from '../faults/traffic.ts'
import type { BulkRequest, Refstring } from '../pool.ts'
import { type Connection, connection, HeaderTimeout, HeaderTooLarge } from './connection.ts'
import { forbidden, headerTooLarge, internalError, methodNotImplemented, requestTimeout } from './pages.ts'
import { pageOf } from './reply-page.ts'
import { parseHead, type RequestHead } from './request.ts'

export interface HttpLimits {
  /** Header block of a request (max_header_length_tcp in xen-api ocaml/xapi/xapi_globs.ml). */
  readonly headerBytes: number
  /** Time for one read, and for all, of the first header on a connection (header_read_timeout_tcp, header_total_timeout_tcp). */
  readonly headerReadMs: number
  readonly headerTotalMs: number
  /** Connections served at once (conn_limit_tcp); more wait their turn. */
  readonly connections: number
  /** A connection on which nothing moves is closed then, as the TLS front of a host does (stunnel's TIMEOUTidle). */
  readonly idleMs: number
}

const LIMITS: HttpLimits = { headerBytes: 1024, headerReadMs: 10_000, headerTotalMs: 60_000, connections: 800, idleMs: 12 * 60 * 60 * 1000 }
/** Time for handlers to end when the server closes. */
const CLOSING_MS = 5000
/** A TLS handshake that takes longer is given up. */
const HANDSHAKE_MS = 60_000

/** Methods that XAPI has any handler for; others are not implemented. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'PUT', 'POST', 'CONNECT', 'OPTIONS'])

export interface Route {
  readonly method: string
  /** Longest prefix wins. */
  readonly path: string
  /** Answers on the connection; whether it may be kept. Throwing ReplyPage, or anything else, ends it with a page. */
  handle(head: RequestHead, wire: Connection): Promise<'keep' | 'close'>
}

export interface HttpServer {
  readonly port: number
  /** Shows another certificate, from the next connection on. */
  useCertificate(certificate: { readonly cert: string; readonly key: string }): void
  close(): Promise<void>
}

export async function startHttpServer(options: {
  readonly host: string
  readonly port: number
  readonly cert: string
  readonly key: string
  readonly routes: readonly Route[]
  readonly limits?: Partial<HttpLimits>
  /** The network that connections go through. */
  readonly traffic?: Traffic
}): Promise<HttpServer> {
  const limits: HttpLimits = { ...LIMITS, ...options.limits }
  const open = new Set<Socket>()
  const waiting: Socket[] = []
  const serving = new Set<Promise<void>>()
  let served = 0
  const tls = createTlsServer({
    cert: options.cert,
    key: options.key,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_MS,
    allowHalfOpen: true,
  })
  tls.on('secureConnection', (socket: TLSSocket) => {
    socket.setNoDelay(true)
    socket.setTimeout(limits.idleMs, () => socket.destroy())
    const { remotePort, remoteAddress } = socket
    const below = {
      traffic: options.traffic,
      close() {
        for (const one of open) if (one.remotePort === remotePort && one.remoteAddress === remoteAddress) one.resetAndDestroy()
      },
    }
    const running = serve(connection(socket, below), options.routes, limits).finally(() => serving.delete(running))
    serving.add(running)
  })
  tls.on('tlsClientError', (_error, socket) => socket.destroy())
  const admit = (socket: Socket) => {
    served += 1
    socket.once('close', () => {
      served -= 1
      const next = waiting.shift()
      if (next) admit(next)
    })
    tls.emit('connection', socket)
  }
  const plain: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      open.delete(socket)
      const at = waiting.indexOf(socket)
      if (at >= 0) waiting.splice(at, 1)
    })
    if (served < limits.connections) admit(socket)
    else waiting.push(socket)
  })
  await new Promise<void>((resolve, reject) => {
    plain.once('error', reject)
    plain.listen(options.port, options.host, resolve)
  })
  const address = plain.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    useCertificate: ({ cert, key }) => tls.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
    async close() {
      const closed = new Promise<void>((resolve) => plain.close(() => resolve()))
      waiting.length = 0
      for (const socket of open) socket.destroy()
      await closed
      // Handlers notice that their connection is gone; what they still have to put right, they do before the pool closes.
      await Promise.race([Promise.all(serving), delay(CLOSING_MS, undefined, { ref: false })])
    },
  }
}

/** Requests of one connection, one after the other. */
async function serve(wire: Connection, routes: readonly Route[], limits: HttpLimits): Promise<void> {
  try {
    for (let first = true; ; first = false) {
      const head = await readHead(wire, limits, first)
      if (!head || (await answer(head, wire, routes)) === 'close') break
    }
  } catch {
    // Nobody is left to be told.
  }
  wire.end()
}

async function readHead(
  wire: Connection,
  { headerBytes: limit, headerReadMs: readMs, headerTotalMs: totalMs }: HttpLimits,
  first: boolean,
): Promise<RequestHead | undefined> {
  try {
    const block = await wire.readHeader(first ? { limit, readMs, totalMs } : { limit })
    if (block === undefined) return undefined
    const head = parseHead(block)
    if (!head) await wire.write(internalError('HTTP/1.1', 'The header could not be parsed.'))
    return head
  } catch (error) {
    if (error instanceof HeaderTimeout) await wire.write(requestTimeout())
    else if (error instanceof HeaderTooLarge) await wire.write(headerTooLarge())
    else throw error
    return undefined
  }
}

async function answer(head: RequestHead, wire: Connection, routes: readonly Route[]): Promise<'keep' | 'close'> {
  const sameMethod = routes.filter(({ method }) => method === head.method)
  if (!METHODS.has(head.method)) {
    await wire.write(methodNotImplemented(head.version, head.method))
    return 'close'
  }
  const route = sameMethod.filter(({ path }) => head.path.startsWith(path)).sort((a, b) => b.path.length - a.path.length)[0]
  if (!route) {
    await wire.write(forbidden('HTTP/1.1'))
    return 'close'
  }
  try {
    return await route.handle(head, wire)
  } catch (error) {
    // Whatever has been written already, the page comes after it on the same socket.
    const text = pageOf(error, head.version)
    if (text !== undefined) await wire.write(text)
    return 'close'
  }
}

/** The request as bulk handlers see it. */
export function bulkRequest(head: RequestHead, wire: Connection, host?: Refstring): BulkRequest {
  const query = new URLSearchParams(head.query)
  return {
    method: head.method,
    path: head.path,
    query,
    headers: head.headers,
    version: head.version,
    ...(host === undefined ? {} : { host }),
    parameter: (name) => head.cookies.get(name) ?? head.query.get(name) ?? undefined,
    read: (length) => wire.read(length),
    readSome: (length) => wire.readSome(length),
    write: (data) => wire.write(data),
    get gone() {
      return wire.gone
    },
  }
}
