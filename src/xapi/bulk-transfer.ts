/** What both directions of a disk stream share: the task, the redirect to the host that sees the disk, failures. */
import { type BulkReply, bulkRequest } from './bulk-request.ts'
import { XapiConnectionError, XapiError } from './errors.ts'
import { type Address, formatAddress } from './pool-url.ts'
import type { PoolSession } from './session.ts'
import { type Background, destroyTask, type TaskEnd, taskEnd, taskError } from './tasks.ts'
import { vouchForHost } from './vouch.ts'

/** A redirect leads to a host that can serve the request, so one is what there should be. */
const MAX_REDIRECTS = 3
/** What the task of a failed transfer is given to tell why: dom0 detaches the disk first. */
const REASON_MS = 10_000
/** What an abandoned transfer is given to end on the other side. */
const HANG_UP_MS = 30_000
const DISCARD_MS = 10_000

export interface BulkContext {
  readonly session: PoolSession
  readonly background: Background
  readonly connectTimeoutMs: number
  /** Milliseconds without a byte moving after which a transfer is given up. */
  readonly idleMs: number
}

/** An accepted transfer: the reply said 200, which so far means nothing but that the other side listens. */
export interface Transfer {
  readonly task: TransferTask
  readonly reply: BulkReply
  readonly where: string
}

export interface TransferRequest {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly contentLength?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Starts a transfer with a task of its own. When it throws, the task is gone. */
export async function startTransfer(context: BulkContext, request: TransferRequest): Promise<Transfer> {
  const { session } = context
  const what = `${request.method} ${request.path}`
  const ref = await session.call('task.create', [`understudy ${what}`, ''], { signal: request.signal })
  const task = new TransferTask(context, String(ref), what)
  try {
    let address = session.address
    for (let hops = 0; ; hops++) {
      session.counted(what)
      const head = {
        method: request.method,
        path: request.path,
        query: { ...request.query, task_id: task.ref },
        session: session.ref,
        contentLength: request.contentLength,
      }
      const limits = { signal: request.signal, connectTimeoutMs: context.connectTimeoutMs, timeoutMs: context.idleMs }
      const reply = await bulkRequest(session.connector, address, head, limits)
      const where = formatAddress(address)
      if (reply.status === 200) return { task, reply, where }
      reply.socket.destroy()
      if (reply.status === 401) throw new XapiError('SESSION_INVALID', ['(hidden)'], what)
      if (reply.status !== 302) throw new XapiConnectionError('not-xapi', where, `${what} answered with HTTP status ${reply.status}`)
      if (hops >= MAX_REDIRECTS) throw new RedirectError(where, `${what} was redirected too often`)
      address = redirectTarget(reply, where, what)
      const ask = (method: string, params: readonly unknown[]) => session.call(method, params, { signal: request.signal })
      await vouchForHost(session.connector, ask, address).catch(() => request.signal?.throwIfAborted())
    }
  } catch (error) {
    // XAPI ends the task for most refusals, and there is its reason; not for redirects and bad sessions (behaviour.md section 2).
    const tells = error instanceof XapiConnectionError && !(error instanceof RedirectError) && !error.unsent
    const told = tells ? await task.reason() : undefined
    task.discard()
    throw told ?? error
  }
}

class RedirectError extends XapiConnectionError {
  constructor(where: string, message: string) {
    super('not-xapi', where, message)
  }
}

/** Where a 302 leads. Only another host over TLS: the session goes with it. */
function redirectTarget(reply: BulkReply, where: string, what: string): Address {
  let location: URL | undefined
  try {
    location = new URL(reply.headers.get('location') ?? '')
  } catch {
    location = undefined
  }
  if (location?.protocol !== 'https:') {
    throw new RedirectError(where, `${what} was redirected to a place that is not an https URL`)
  }
  return { host: location.hostname.replace(/^\[|\]$/g, ''), port: location.port === '' ? 443 : Number(location.port), tls: true }
}

/** The task of one transfer. Its status decides: what HTTP says does not. */
export class TransferTask {
  readonly ref: string
  readonly what: string
  readonly #context: BulkContext
  #end: TaskEnd | undefined
  #discarded = false

  constructor(context: BulkContext, ref: string, what: string) {
    this.#context = context
    this.ref = ref
    this.what = what
  }

  /** Waits for the task's end; throws its error. */
  async success(idleMs: number, signal?: AbortSignal): Promise<void> {
    const { session } = this.#context
    this.#end ??= await taskEnd(session, this.ref, { idleMs, signal, what: this.what })
    const error = taskError(session, this.#end, this.ref, this.what)
    if (error) throw error
  }

  /** Whether it ended with success, as far as it tells soon. */
  async succeeded(): Promise<boolean> {
    return this.success(REASON_MS).then(
      () => true,
      () => false,
    )
  }

  /** Why it failed, when the task tells soon; undefined when it doesn't or when there is no failure. */
  async reason(idleMs: number = REASON_MS): Promise<XapiError | undefined> {
    try {
      await this.success(idleMs)
      return undefined
    } catch (error) {
      return error instanceof XapiError && error.code !== 'HANDLE_INVALID' ? error : undefined
    }
  }

  /** After hanging up: waits until the other side has let go of the disk, as far as the task tells. Never throws. */
  async settled(): Promise<void> {
    if (this.#end || this.#discarded) return
    await this.success(HANG_UP_MS).catch(() => undefined)
  }

  /**
   * Destroys the task, without waiting for that. One that has not ended is marked as cancelled first, since older servers refuse
   * to destroy pending ones; task.cancel does nothing to a transfer: only hanging up stops it.
   */
  discard(): void {
    if (this.#discarded) return
    this.#discarded = true
    const { session, background } = this.#context
    const destroyed = async () => {
      if (!this.#end) await session.call('task.set_status', [this.ref, 'cancelled'], { timeoutMs: DISCARD_MS }).catch(() => undefined)
      await destroyTask(session, this.ref)
    }
    background.run(destroyed())
  }
}

/** Whether the bytes are, from some place on, a complete reply that tells an error: where it starts, else -1. */
export function errorReplyAt(bytes: Buffer): number {
  for (let at = bytes.indexOf('HTTP/1.'); at >= 0; at = bytes.indexOf('HTTP/1.', at + 1)) {
    if (/^HTTP\/1\.[01] [45][0-9][0-9] [ -~]*\r\n/.test(bytes.toString('latin1', at, at + 128))) return at
  }
  return -1
}
