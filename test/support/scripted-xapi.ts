/**
 * A TLS server that talks as much of XAPI as the client's own tests need, and misbehaves on request: what a real pool, or the
 * lab, can't be made to do at the right moment. Requests are parsed by hand, so that a test owns the socket.
 */
import { randomUUID, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'

export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly fingerprint: string
}

export async function makeCertificate(): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: 'scripted' }], { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' })
  return { cert: made.cert, key: made.private, fingerprint: new X509Certificate(made.cert).fingerprint256 }
}

export interface ScriptedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: ReadonlyMap<string, string>
  /** Size of the header block in bytes. */
  readonly headBytes: number
  readonly socket: TLSSocket
  /** Bytes of the body, `length` or more unless the client ends before. */
  body(length: number): Promise<Buffer>
}

/** What a message answers: a value, a failure, or an arbitrary answer on the socket. */
export type Answer = { readonly value: unknown } | { readonly failure: readonly string[] } | { readonly raw: (socket: TLSSocket) => void }
export type Script = (params: readonly unknown[], request: ScriptedRequest) => Answer | Promise<Answer>

export interface ScriptedOptions {
  readonly host?: string
  readonly port?: number
  readonly certificate?: Certificate
  /** By full name, parameters without the session; what is absent here is answered by the tasks, events and sessions below. */
  readonly messages?: Record<string, Script>
  /** Owns the socket of a GET or PUT. */
  readonly bulk?: (request: ScriptedRequest, server: ScriptedXapi) => Promise<void>
  readonly password?: string
}

export class ScriptedXapi {
  readonly certificate: Certificate
  readonly host: string
  port = 0
  /** Names of the messages and `PUT /path` of the transfers, in order. */
  readonly calls: string[] = []
  readonly sessions = new Set<string>()
  readonly sockets = new Set<TLSSocket>()
  readonly tasks = new Map<string, Record<string, unknown>>()
  connections = 0
  /** Bytes of application data that came on each connection. */
  received = 0
  readonly #options: ScriptedOptions
  readonly #changes = new Map<string, { generation: number; gone: boolean }>()
  readonly #wakers = new Set<() => void>()
  #generation = 0
  #server: ReturnType<typeof createServer> | undefined

  constructor(certificate: Certificate, options: ScriptedOptions) {
    this.certificate = certificate
    this.host = options.host ?? '127.0.0.1'
    this.#options = options
  }

  get url(): string {
    return `https://${this.host}:${this.port}`
  }

  async start(): Promise<this> {
    this.#server = createServer({ cert: this.certificate.cert, key: this.certificate.key }, (socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => undefined)
      this.#serve(socket).catch(() => socket.destroy())
    })
    this.#server.on('tlsClientError', () => undefined)
    this.#server.listen(this.#options.port ?? 0, this.host)
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
    return this
  }

  async stop(): Promise<void> {
    for (const wake of this.#wakers) wake()
    for (const socket of this.sockets) socket.destroy()
    const server = this.#server
    if (server?.listening) await new Promise((resolve) => server.close(resolve))
  }

  makeTask(): string {
    const ref = `OpaqueRef:${randomUUID()}`
    this.tasks.set(ref, { uuid: randomUUID(), status: 'pending', progress: 0, result: '', error_info: [] })
    this.#changed(ref, false)
    return ref
  }

  /** Changes a task's record; undefined removes it. */
  setTask(ref: string, patch: Record<string, unknown> | undefined): void {
    const task = this.tasks.get(ref)
    if (!task) return
    if (patch) this.tasks.set(ref, { ...task, ...patch })
    else this.tasks.delete(ref)
    this.#changed(ref, patch === undefined)
  }

  #changed(ref: string, gone: boolean): void {
    this.#changes.set(ref, { generation: ++this.#generation, gone })
    for (const wake of this.#wakers) wake()
  }

  async #serve(socket: TLSSocket): Promise<void> {
    const input = reader(socket, (bytes) => {
      this.received += bytes
    })
    for (;;) {
      const head = await input.until('\r\n\r\n')
      if (head === undefined) return
      const [first = '', ...lines] = head.toString('latin1').trimEnd().split('\r\n')
      const [method = '', target = ''] = first.split(' ')
      const url = new URL(target, 'http://scripted')
      const headers = new Map(
        lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      )
      const body = (length: number) => input.take(length)
      const request = { method, path: url.pathname, query: url.searchParams, headers, headBytes: head.length, socket, body }
      if (method !== 'POST') {
        this.calls.push(`${method} ${url.pathname}`)
        await this.#options.bulk?.(request, this)
        return
      }
      const call = JSON.parse((await input.take(Number(headers.get('content-length')))).toString()) as {
        id: number
        method: string
        params: unknown[]
      }
      this.calls.push(call.method)
      const answer = await this.#answer(call.method, call.params, request)
      if ('raw' in answer) answer.raw(socket)
      else socket.write(reply(call.id, answer))
    }
  }

  #answer(method: string, params: readonly unknown[], request: ScriptedRequest): Answer | Promise<Answer> {
    const login = method === 'session.login_with_password' || method === 'session.slave_local_login_with_password'
    const script = this.#options.messages?.[method]
    if (login) {
      if (script) return script(params, request)
      if (params[1] !== (this.#options.password ?? 'secret')) return { failure: ['SESSION_AUTHENTICATION_FAILED', String(params[0]), 'no'] }
      const session = `OpaqueRef:${randomUUID()}`
      this.sessions.add(session)
      return { value: session }
    }
    const [session, ...rest] = params
    if (!this.sessions.has(String(session))) return { failure: ['SESSION_INVALID', String(session)] }
    if (script) return script(rest, request)
    const ref = String(rest[0])
    switch (method) {
      case 'session.logout':
        this.sessions.delete(String(session))
        return { value: '' }
      case 'task.create':
        return { value: this.makeTask() }
      case 'task.get_record':
        return this.tasks.has(ref) ? { value: this.tasks.get(ref) } : { failure: ['HANDLE_INVALID', 'task', ref] }
      case 'task.set_status':
        this.setTask(ref, { status: rest[1] })
        return { value: '' }
      case 'task.cancel':
        return { value: '' }
      case 'task.destroy':
        if (!this.tasks.has(ref)) return { failure: ['HANDLE_INVALID', 'task', ref] }
        this.setTask(ref, undefined)
        return { value: '' }
      case 'event.from':
        return this.#eventFrom(rest)
    }
    return { failure: ['MESSAGE_METHOD_UNKNOWN', method] }
  }

  async #eventFrom([classes, token, seconds]: readonly unknown[]): Promise<Answer> {
    const ref = String((classes as string[])[0]).replace(/^task\//, '')
    const since = token === '' ? 0 : Number(token)
    const deadline = Date.now() + Number(seconds) * 1000
    for (;;) {
      const change = this.#changes.get(ref)
      const known = change && change.generation > since && !(change.gone && since === 0)
      const left = deadline - Date.now()
      if (known || left <= 0) {
        const event = { class: 'task', ref, operation: change?.gone ? 'del' : 'mod', snapshot: this.tasks.get(ref) }
        return { value: { events: known ? [event] : [], token: String(this.#generation), valid_ref_counts: {} } }
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          this.#wakers.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, left)
        this.#wakers.add(wake)
      })
      if (!this.#server?.listening) return { failure: ['HOST_STILL_BOOTING'] }
    }
  }
}

export async function startScripted(options: ScriptedOptions = {}): Promise<ScriptedXapi> {
  return new ScriptedXapi(options.certificate ?? (await makeCertificate()), options).start()
}

export function reply(id: number, answer: { readonly value: unknown } | { readonly failure: readonly string[] }): string {
  const outcome =
    'value' in answer ? { result: answer.value } : { error: { code: 1, message: answer.failure[0], data: answer.failure.slice(1) } }
  const body = JSON.stringify({ jsonrpc: '2.0', ...outcome, id })
  return `HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

function reader(socket: TLSSocket, count: (bytes: number) => void) {
  let have = Buffer.alloc(0)
  let ended = false
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    count(chunk.length)
    have = Buffer.concat([have, chunk])
    wake()
  })
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      ended = true
      wake()
    })
  }
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve
      if (ended) resolve()
    })
  const cut = (length: number) => {
    const part = have.subarray(0, length)
    have = have.subarray(length)
    return part
  }
  return {
    async until(mark: string): Promise<Buffer | undefined> {
      for (;;) {
        const at = have.indexOf(mark)
        if (at >= 0) return cut(at + mark.length)
        if (ended) return undefined
        await more()
      }
    },
    async take(length: number): Promise<Buffer> {
      while (have.length < length && !ended) await more()
      return cut(length)
    },
  }
}
