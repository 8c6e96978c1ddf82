/**
 * Requests to an Understudy server. A server's certificate is accepted when the system's authorities vouch for it, or by its fingerprint
 * like that of a pool; nothing is sent before.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Failure } from '../../core/failure.ts'
import { XapiTrustError } from '../../xapi/errors.ts'
import { type Address, formatAddress, formatUrl } from '../../xapi/pool-url.ts'
import { pinnedConnector } from '../../xapi/tls-pinning.ts'
import type { TrustPolicy } from '../../xapi/trust.ts'

export interface HttpClientOptions {
  readonly address: Address
  /** Sent as a bearer token when there is one. */
  readonly token: string | undefined
  readonly trust: TrustPolicy
  readonly signal: AbortSignal
  /** Milliseconds until an answer has to be complete. */
  readonly timeoutMs?: number
}

/** What the server answers instead of doing it: its code of docs/errors.md, which a newer server may have more of. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal'
  readonly status: number
  readonly code: string
  readonly hint: string
  constructor(status: number, code: string, text: string, hint: string) {
    super(text)
    this.status = status
    this.code = code
    this.hint = hint
  }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

export interface HttpClient {
  readonly url: string
  /** Rejects with ServerRefusal, or a Failure that says why the server can't be reached. `path` starts below the address. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>
  /** An answer that goes on: its pieces of text. Ends when the server ends it; rejects when it breaks. */
  stream(path: string, signal: AbortSignal, onOpen?: () => void): AsyncIterable<string>
  close(): void
}

/** What an API answers is pages of a list at most. */
const LARGEST_ANSWER = 64 * 1024 * 1024
const CONNECT_MS = 10_000
/** The server sends something at least every half a minute. */
const SILENCE_MS = 90_000

export function httpClient(options: HttpClientOptions): HttpClient {
  const { address, token, signal, timeoutMs = 60_000 } = options
  const connector = pinnedConnector(options.trust)
  const url = formatUrl(address)

  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string | undefined,
    stop: AbortSignal,
    silenceMs: number,
  ): Promise<IncomingMessage> {
    const socket = await connector.open(address, { signal: stop, timeoutMs: CONNECT_MS, authorities: true }).catch((error: unknown) => {
      stop.throwIfAborted()
      throw unreachable(url, error)
    })
    return await new Promise((resolve, reject) => {
      const request = httpRequest({
        createConnection: () => socket,
        method,
        path,
        signal: stop,
        headers: {
          host: formatAddress(address),
          connection: 'close',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      })
      request.setTimeout(silenceMs, () => request.destroy(new Error(`no answer within ${Math.round(silenceMs / 1000)} s`)))
      request.once('response', resolve)
      request.once('error', (error) => {
        socket.destroy()
        reject(stop.aborted ? stop.reason : unreachable(url, error))
      })
      request.end(body)
    })
  }

  return {
    url,
    async call(method, path, body, headers = {}) {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const response = await send(method, path, { accept: 'application/json', ...headers }, text, signal, timeoutMs)
      const answer = await wholeText(response).catch((error: unknown) => {
        signal.throwIfAborted()
        throw unreachable(url, error)
      })
      const status = response.statusCode ?? 0
      // Reports are documents of their own.
      const isText = status < 400 && /^text\/(markdown|plain)/.test(response.headers['content-type'] ?? '')
      const value = isText ? answer : parsed(answer)
      if (status >= 400) throw refusal(url, status, value)
      if (answer !== '' && value === undefined) throw notOurs(url)
      return { status, headers: response.headers, body: value }
    },
    async *stream(path, stop, onOpen = () => undefined) {
      const response = await send('GET', path, { accept: 'text/event-stream' }, undefined, stop, SILENCE_MS)
      if ((response.statusCode ?? 0) >= 400) throw refusal(url, response.statusCode as number, parsed(await wholeText(response)))
      response.setEncoding('utf8')
      onOpen()
      try {
        for await (const piece of response) yield piece as string
      } catch (error) {
        stop.throwIfAborted()
        throw unreachable(url, error)
      } finally {
        response.destroy()
      }
    },
    close: () => connector.close(),
  }
}

async function wholeText(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const piece of response) {
    text += piece as string
    if (text.length > LARGEST_ANSWER) {
      response.destroy()
      throw new Error('the answer is too long')
    }
  }
  return text
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unreachable(url: string, error: unknown): Failure {
  // A certificate that is not trusted has its own explanation.
  if (error instanceof XapiTrustError)
    return new Failure(error.kind === 'changed' ? 'CERTIFICATE_CHANGED' : 'CERTIFICATE_UNKNOWN', error.message, '', error)
  const text = error instanceof Error ? error.message : String(error)
  const words = text.includes(url.replace(/^https?:\/\//, '')) ? text : `${url}: ${text}`
  return new Failure('SERVER_UNREACHABLE', words, undefined, error)
}

function notOurs(url: string): Failure {
  return new Failure('SERVER_UNREACHABLE', `what answers at ${url} is no Understudy server`, 'look at the address and the port')
}

/** problem+json as RFC 9457 has it, with our code and hint. */
function refusal(url: string, status: number, body: unknown): Error {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>
  const words = [problem.detail, problem.title].find((each) => typeof each === 'string' && each !== '') as string | undefined
  const code = typeof problem.code === 'string' ? problem.code : `HTTP_${status}`
  if (words === undefined && problem.code === undefined && status !== 401 && status !== 403) return notOurs(url)
  return new ServerRefusal(status, code, words ?? `the server answers ${status}`, hintOf(status, problem.hint))
}

function hintOf(status: number, hint: unknown): string {
  if (status === 401) return "log in with 'understudy login', or give a token (UNDERSTUDY_TOKEN, --token-file)"
  if (typeof hint === 'string' && hint !== '') return hint
  return status === 403 ? "the token's role does not allow it" : status >= 500 ? "the server's log says more" : ''
}
