/** Connects to a pool: the way into this folder. */
import { hostname } from 'node:os'
import type { BulkContext } from './bulk-transfer.ts'
import { type Row, watchObject } from './object-watch.ts'
import { formatUrl, type PlainHttpOption, parseAddress } from './pool-url.ts'
import type { ClassName, RecordOf } from './records.generated.ts'
import type { Ref } from './ref.ts'
import { PoolSession } from './session.ts'
import { Background, callAsync } from './tasks.ts'
import { pinnedConnector } from './tls-pinning.ts'
import type { TrustPolicy } from './trust.ts'
import { exportVdi } from './vdi-export.ts'
import { importVdi } from './vdi-import.ts'
import type { AsyncOptions, CallOptions, WaitOptions, Xapi } from './xapi.ts'

const CONNECT_TIMEOUT_MS = 15_000
const TRANSFER_IDLE_MS = 300_000
const CLOSE_MS = 10_000
const LOGOUT_MS = 5_000

export interface ConnectOptions extends PlainHttpOption {
  /** `https://host[:port]`, see parsePoolUrl. */
  readonly url: string
  readonly user: string
  readonly password: string
  readonly trust: TrustPolicy
  /** Gives up connecting; a connected client is ended by `close`. */
  readonly signal?: AbortSignal
  /** Milliseconds until a connection stands, each (default: 15 s). */
  readonly timeoutMs?: number
  /** Milliseconds for a login (default: 60 s). A trust policy that asks a person takes its time out of it. */
  readonly loginTimeoutMs?: number
  /** Milliseconds without a byte moving after which a disk stream is given up (default: 5 min). */
  readonly transferIdleMs?: number
  /** What the pool shows as the maker of the session (default: `understudy@host`). */
  readonly originator?: string
  /** Told the name of every request sent, repeats included. */
  readonly onCall?: (method: string) => void
}

/**
 * Logs in to a pool, by any of its hosts: the master is found from there. Throws XapiError (SESSION_AUTHENTICATION_FAILED…),
 * XapiConnectionError, XapiTrustError or PoolUrlError; then nothing stays open.
 */
export async function connectXapi(options: ConnectOptions): Promise<Xapi> {
  const address = parseAddress(options.url, options)
  options.signal?.throwIfAborted()
  const connector = pinnedConnector(options.trust)
  const connectTimeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS
  const session = new PoolSession({
    connector,
    address,
    user: options.user,
    password: options.password,
    originator: options.originator ?? `understudy@${hostname()}`,
    connectTimeoutMs,
    loginTimeoutMs: options.loginTimeoutMs,
    allowPlainHttp: options.allowPlainHttp ?? false,
    onCall: options.onCall,
  })
  try {
    await session.login(options.signal)
  } catch (error) {
    await session.logout(0)
    connector.close()
    throw error
  }
  return new PoolClient(session, connectTimeoutMs, options.transferIdleMs ?? TRANSFER_IDLE_MS)
}

class PoolClient implements Xapi {
  readonly #session: PoolSession
  readonly #background = new Background()
  readonly #bulk: BulkContext
  #closing: Promise<void> | undefined

  constructor(session: PoolSession, connectTimeoutMs: number, idleMs: number) {
    this.#session = session
    this.#bulk = { session, background: this.#background, connectTimeoutMs, idleMs }
  }

  get url(): string {
    return formatUrl(this.#session.address)
  }

  get fingerprint(): string {
    return this.#session.connector.fingerprint(this.#session.address)
  }

  get session(): string {
    return this.#session.ref
  }

  get callCount(): number {
    return this.#session.callCount
  }

  async call<T = unknown>(method: string, params: readonly unknown[], options: CallOptions = {}): Promise<T> {
    return (await this.#session.call(method, params, options)) as T
  }

  callAsync(method: string, params: readonly unknown[], options?: AsyncOptions): Promise<string | string[] | undefined> {
    return callAsync(this.#session, this.#background, method, params, options)
  }

  record<C extends ClassName>(className: C, ref: Ref<C>, options?: CallOptions): Promise<RecordOf[C]> {
    return this.call<RecordOf[C]>(`${className}.get_record`, [ref], options)
  }

  async records<C extends ClassName>(className: C, options?: CallOptions): Promise<Map<Ref<C>, RecordOf[C]>> {
    const found = await this.call<Record<string, RecordOf[C]>>(`${className}.get_all_records`, [], options)
    return new Map(Object.entries(found) as [Ref<C>, RecordOf[C]][])
  }

  byUuid<C extends ClassName>(className: C, uuid: string, options?: CallOptions): Promise<Ref<C>> {
    return this.call<Ref<C>>(`${className}.get_by_uuid`, [uuid], options)
  }

  async waitFor<C extends ClassName>(
    className: C,
    ref: Ref<C>,
    done: (record: RecordOf[C] | undefined) => boolean,
    options: WaitOptions,
  ): Promise<void> {
    const deadline = Date.now() + options.timeoutMs
    const watch = { signal: options.signal, deadline: () => deadline, what: `waiting for ${className} ${ref}` }
    await watchObject(this.#session, className, ref, watch, (record: Row | undefined) => done(record as RecordOf[C] | undefined))
  }

  exportVdi(request: Parameters<Xapi['exportVdi']>[0]) {
    return exportVdi(this.#bulk, request)
  }

  importVdi(request: Parameters<Xapi['importVdi']>[0]) {
    return importVdi(this.#bulk, request)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#background.idle(CLOSE_MS)
    await this.#session.logout(LOGOUT_MS)
    this.#session.connector.close()
  }
}
