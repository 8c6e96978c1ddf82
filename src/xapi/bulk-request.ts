/**
 * The head of a bulk request, over a socket of its own. Not over an HTTP library: no Transfer-Encoding may be sent, the reply
 * comes before the body is taken, and a failure is a second reply in the middle of the stream (behaviour.md section 4).
 */
import type { Socket } from 'node:net'
import { XapiConnectionError } from './errors.ts'
import { type Address, formatAddress } from './pool-url.ts'
import type { PinnedConnector } from './tls-pinning.ts'

/** XAPI reads no larger header block (`max_header_length_tcp` in ocaml/xapi/xapi_globs.ml). */
const MAX_REQUEST_HEAD = 1024
const MAX_REPLY_HEAD = 16 * 1024

export interface BulkHead {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Sent as a cookie, so that it stays out of the log lines that name URLs. */
  readonly session: string
  readonly contentLength?: number | undefined
}

export interface BulkReply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  /** Paused; `rest` was read from it beyond the head. */
  readonly socket: Socket
  readonly rest: Buffer
}

/** Sends the head and waits for the head of the reply. Throws XapiConnectionError and the like; the socket is then gone. */
export async function bulkRequest(
  connector: PinnedConnector,
  address: Address,
  head: BulkHead,
  options: { readonly signal?: AbortSignal | undefined; readonly connectTimeoutMs: number; readonly timeoutMs: number },
): Promise<BulkReply> {
  const text = requestHead(head, address)
  const { signal } = options
  const socket = await connector.open(address, { timeoutMs: options.connectTimeoutMs, ...(signal ? { signal } : {}) })
  try {
    socket.write(text)
    return await replyHead(socket, formatAddress(address), `${head.method} ${head.path}`, options)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

export function requestHead(head: BulkHead, address: Address): string {
  const query = new URLSearchParams(head.query).toString()
  const lines = [
    `${head.method} ${head.path}?${query} HTTP/1.1`,
    `Host: ${formatAddress(address)}`,
    `Cookie: session_id=${head.session}`,
    ...(head.contentLength === undefined ? [] : [`Content-Length: ${head.contentLength}`]),
    'Connection: close',
  ]
  const text = `${lines.join('\r\n')}\r\n\r\n`
  if (text.length >= MAX_REQUEST_HEAD) {
    throw new XapiConnectionError('too-large', formatAddress(address), `the head of ${head.method} ${head.path} is too long for XAPI`, {
      unsent: true,
    })
  }
  return text
}

function replyHead(
  socket: Socket,
  where: string,
  what: string,
  { signal, timeoutMs }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<BulkReply> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0)
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError)
    }
    const fail = (error: unknown) => {
      settle()
      reject(error)
    }
    const timer = setTimeout(
      () => fail(new XapiConnectionError('timeout', where, `no answer to ${what} within ${timeoutMs / 1000} s`)),
      timeoutMs,
    )
    const aborted = () => fail(signal?.reason)
    const onEnd = () => fail(new XapiConnectionError('broken', where, `the connection was closed instead of an answer to ${what}`))
    const onError = (cause: Error) =>
      fail(new XapiConnectionError('broken', where, `the connection broke before an answer to ${what}`, { cause }))
    const onData = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk])
      const end = read.indexOf('\r\n\r\n')
      if (end < 0 && read.length <= MAX_REPLY_HEAD) return
      const head = end < 0 ? undefined : parseReplyHead(read.toString('latin1', 0, end))
      if (!head) return fail(new XapiConnectionError('not-xapi', where, `the answer to ${what} is not HTTP`))
      socket.pause()
      settle()
      resolve({ ...head, socket, rest: read.subarray(end + 4) })
    }
    signal?.addEventListener('abort', aborted, { once: true })
    socket.on('data', onData).once('end', onEnd).once('close', onEnd).once('error', onError)
    if (signal?.aborted) aborted()
  })
}

/** Status and headers (names in lower case) of a reply; undefined when the text is no head of one. */
export function parseReplyHead(text: string): { status: number; headers: Map<string, string> } | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.[01] ([1-5][0-9][0-9])( |$)/.exec(first)?.[1]
  if (status === undefined) return undefined
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return { status: Number(status), headers }
}
