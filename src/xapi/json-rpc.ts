/** One request to XAPI in JSON-RPC 2.0, over kept-alive connections of a pinned connector. */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
import { XapiConnectionError, XapiError } from './errors.ts'
import { type Address, formatAddress } from './pool-url.ts'
import type { PinnedConnector } from './tls-pinning.ts'

/** What a reply may weigh before it is given up: every record of a very large pool is far below. */
const MAX_REPLY = 512 * 1024 * 1024
/** XAPI refuses larger requests without saying why (`http_limit_max_rpc_size` in ocaml/xapi-consts/constants.ml). */
const MAX_REQUEST = 300 * 1024
/** A connection unused for longer is not used again: it may have died unnoticed, and only reads can be repeated. */
const IDLE_MS = 15_000

export interface RpcOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

export interface JsonRpc {
  readonly address: Address
  /** One request; parameters as they go on the wire, the session included. Throws XapiError, XapiConnectionError, XapiTrustError. */
  request(method: string, params: readonly unknown[], options: RpcOptions): Promise<unknown>
  close(): void
}

export function jsonRpc(connector: PinnedConnector, address: Address, connectTimeoutMs: number): JsonRpc {
  const agent = new PinnedAgent(connector, address, connectTimeoutMs)
  let id = 0
  return {
    address,
    async request(method, params, options) {
      options.signal?.throwIfAborted()
      id++
      const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
      const length = Buffer.byteLength(body)
      if (length > MAX_REQUEST) {
        const message = `${method} with ${length} bytes of parameters: XAPI takes at most ${MAX_REQUEST}`
        throw new XapiConnectionError('too-large', formatAddress(address), message, { unsent: true })
      }
      return decodeReply(await post(agent, address, method, body, length, options), method, address)
    },
    close: () => agent.destroy(),
  }
}

/** Errors of opening a connection, which already say what they have to. */
const openingErrors = new WeakSet<Error>()

class PinnedAgent extends Agent {
  readonly #open: () => Promise<Duplex>

  constructor(connector: PinnedConnector, address: Address, timeoutMs: number) {
    super({ keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' })
    // The connection outlives the request that caused it, so the request's signal is not passed on.
    this.#open = () => connector.open(address, { timeoutMs })
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    this.#open().then(
      (socket) => callback?.(null, socket),
      (error) => {
        openingErrors.add(error)
        callback?.(error, undefined as never)
      },
    )
  }
}

function post(
  agent: Agent,
  address: Address,
  method: string,
  body: string,
  length: number,
  { signal, timeoutMs }: RpcOptions,
): Promise<{ status: number; text: string }> {
  const where = formatAddress(address)
  return new Promise((resolve, reject) => {
    let sent: ClientRequest | undefined
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
    }
    const fail = (error: unknown) => {
      settle()
      reject(error)
      sent?.destroy()
    }
    const timer = setTimeout(
      () => fail(new XapiConnectionError('timeout', where, `no answer to ${method} within ${timeoutMs / 1000} s`)),
      timeoutMs,
    )
    const aborted = () => fail(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    sent = request(
      {
        agent,
        host: address.host,
        port: address.port,
        method: 'POST',
        path: '/jsonrpc',
        headers: { 'Content-Type': 'application/json', 'Content-Length': length },
      },
      (reply) => {
        collect(reply, where, (error, text) => {
          if (error) return fail(error)
          settle()
          resolve({ status: reply.statusCode ?? 0, text })
        })
      },
    )
    sent.on('error', (error) => fail(requestError(error, where, method)))
    sent.end(body)
  })
}

function collect(reply: IncomingMessage, where: string, done: (error: Error | undefined, text: string) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  const tooLarge = () => new XapiConnectionError('too-large', where, `the answer is larger than ${MAX_REPLY} bytes`)
  if (Number(reply.headers['content-length'] ?? 0) > MAX_REPLY) {
    done(tooLarge(), '')
    return
  }
  reply.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MAX_REPLY) done(tooLarge(), '')
    else chunks.push(chunk)
  })
  const broken = () => done(new XapiConnectionError('broken', where, 'the connection ended in the middle of an answer'), '')
  reply.on('error', broken)
  reply.on('end', () => (reply.complete ? done(undefined, Buffer.concat(chunks).toString('utf8')) : broken()))
}

function requestError(error: Error, where: string, method: string): Error {
  if (openingErrors.has(error)) return error
  const code = (error as NodeJS.ErrnoException).code
  if (code?.startsWith('HPE_')) return new XapiConnectionError('not-xapi', where, 'the answer is not HTTP', { cause: error })
  return new XapiConnectionError('broken', where, `the connection ended before the answer to ${method} (${code ?? error.message})`, {
    cause: error,
  })
}

/**
 * The result of a reply. Failures come as `{code, message, data}`, also without an id when XAPI refuses before it looks at
 * the call (emergency mode; ocaml/xapi/api_server.ml), or as a bare list in the older form.
 */
export function decodeReply(reply: { status: number; text: string }, method: string, address: Address): unknown {
  let value: unknown
  try {
    value = JSON.parse(reply.text)
  } catch {
    value = undefined
  }
  if (typeof value === 'object' && value !== null) {
    const { error, result } = value as { error?: unknown; result?: unknown }
    if (Array.isArray(error) && error.length > 0) throw new XapiError(String(error[0]), error.slice(1).map(String), method)
    if (typeof error === 'object' && error !== null && 'message' in error) {
      const data = (error as { data?: unknown }).data
      throw new XapiError(String(error.message), Array.isArray(data) ? data.map(String) : [], method)
    }
    if (result !== undefined && result !== null) return result
  }
  throw new XapiConnectionError('not-xapi', formatAddress(address), `the answer to ${method} is not XAPI's (HTTP status ${reply.status})`)
}
