/**
 * The session of one pool: logs in, finds the master, puts the session in front of every call, and repeats a call where that
 * is safe. Nothing else sends calls.
 */
import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { XapiConnectionError, XapiError } from './errors.ts'
import { type JsonRpc, jsonRpc } from './json-rpc.ts'
import { type Address, formatAddress, isLoopback } from './pool-url.ts'
import { semaphore } from './semaphore.ts'
import { closedError, type PinnedConnector } from './tls-pinning.ts'
import { vouchForMaster } from './vouch.ts'

/** XAPI takes 800 connections in all (behaviour.md 1.1) and serves everybody else too. */
const CALLS_AT_ONCE = 20
const LOGIN_TIMEOUT_MS = 60_000
/**
 * A password that was refused is not sent again before this, and after so many refusals not at all: dozens of calls that each log in anew
 * would lock the account.
 */
const REFUSED_PAUSE_MS = 60_000
const MOST_REFUSALS = 3
/** Calls that carry the password. */
const LOGINS: ReadonlySet<string> = new Set(['session.login_with_password', 'session.slave_local_login_with_password'])
/** Pauses before a read is sent again after its connection broke. */
const READ_PAUSES_MS = [100, 1_000, 3_000]
/** Pauses while XAPI says that it can't just now; within the call's own time limit. */
const BUSY_PAUSES_MS = [1_000, 2_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000]

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for everything, repeats included. */
  readonly timeoutMs?: number | undefined
  /** A call that blocks on the server for long: has connections of its own and doesn't count against the limit. */
  readonly blocking?: boolean
}

export interface SessionOptions {
  readonly connector: PinnedConnector
  readonly address: Address
  readonly user: string
  readonly password: string
  readonly originator: string
  readonly connectTimeoutMs: number
  /** Milliseconds for a login, the question whether a certificate is accepted included. */
  readonly loginTimeoutMs?: number | undefined
  readonly allowPlainHttp: boolean
  /** Told about every request: `VM.get_record`, `PUT /import_raw_vdi`. */
  readonly onCall?: ((method: string) => void) | undefined
}

export class PoolSession {
  readonly connector: PinnedConnector
  callCount = 0
  readonly #options: SessionOptions
  readonly #slots = semaphore(CALLS_AT_ONCE)
  #calls: JsonRpc
  #waits: JsonRpc
  #ref = ''
  #login: Promise<void> | undefined
  #refused: { readonly error: XapiError; readonly at: number; readonly times: number } | undefined
  #closed = false
  /** Every session there was, so that none shows up in an error. */
  readonly #secrets = new Set<string>()

  constructor(options: SessionOptions) {
    this.connector = options.connector
    this.#options = options
    this.#calls = this.#rpcTo(options.address)
    this.#waits = this.#rpcTo(options.address)
  }

  /** Where the master listens, as far as known. */
  get address(): Address {
    return this.#calls.address
  }

  /** The session reference. Never log it. */
  get ref(): string {
    return this.#ref
  }

  counted(method: string): void {
    this.callCount++
    this.#options.onCall?.(method)
  }

  /** Text without session references. */
  hide(text: string): string {
    let hidden = text
    for (const secret of this.#secrets) hidden = hidden.replaceAll(secret, '(hidden)')
    return hidden
  }

  /** One call with the session in front. */
  async call(method: string, params: readonly unknown[], options: RequestOptions = {}): Promise<unknown> {
    const deadline = Date.now() + (options.timeoutMs ?? 60_000)
    const release = options.blocking ? () => undefined : await this.#slots.take(options.signal)
    try {
      let renewed = false
      for (let reads = 0, busy = 0; ; ) {
        if (this.#closed) throw closedError(formatAddress(this.address))
        const session = this.#ref
        try {
          return await this.#send(options.blocking ? this.#waits : this.#calls, method, [session, ...params], options.signal, deadline)
        } catch (error) {
          // The server ends a long wait of a session that logs out with SESSION_INVALID.
          if (this.#closed) throw closedError(formatAddress(this.address))
          const again = nextStep(error, method, { renewed, reads, busy })
          if (again === undefined) throw error
          if (again.kind === 'log in') {
            renewed = true
            if (again.master !== undefined) await this.#follow(again.master, deadline, options.signal)
            if (this.#ref === session) await this.login()
            continue
          }
          if (again.kind === 'read') reads++
          else busy++
          if (Date.now() + again.pauseMs >= deadline) throw error
          await delay(again.pauseMs, undefined, options.signal ? { signal: options.signal } : {}).catch(() =>
            options.signal?.throwIfAborted(),
          )
        }
      }
    } finally {
      release()
    }
  }

  /** Logs in, following a host that isn't the master to the one that is. Several at once share one login. */
  login(signal?: AbortSignal): Promise<void> {
    this.#login ??= this.#logIn(signal).finally(() => {
      this.#login = undefined
    })
    return this.#login
  }

  /** Logs out; never throws. The connector is closed by whoever made it. */
  async logout(timeoutMs: number): Promise<void> {
    this.#closed = true
    const session = this.#ref
    this.#ref = ''
    const deadline = Date.now() + timeoutMs
    // Best effort: an unused session is collected by XAPI after a day.
    if (session !== '') await this.#send(this.#calls, 'session.logout', [session], undefined, deadline).catch(() => undefined)
    this.#calls.close()
    this.#waits.close()
  }

  async #logIn(signal: AbortSignal | undefined): Promise<void> {
    const before = this.#refused
    if (before && (before.times >= MOST_REFUSALS || performance.now() - before.at < REFUSED_PAUSE_MS)) throw before.error
    const { user, password, originator } = this.#options
    const deadline = Date.now() + (this.#options.loginTimeoutMs ?? LOGIN_TIMEOUT_MS)
    for (let hops = 0, busy = 0; ; ) {
      try {
        const ref = await this.#send(this.#calls, 'session.login_with_password', [user, password, '1.0', originator], signal, deadline)
        if (typeof ref !== 'string' || ref === '') {
          throw new XapiConnectionError('not-xapi', formatAddress(this.address), 'the answer to the login is not a session')
        }
        this.#secrets.add(ref)
        this.#ref = ref
        this.#refused = undefined
        return
      } catch (error) {
        if (error instanceof XapiError && error.code === 'SESSION_AUTHENTICATION_FAILED') {
          this.#refused = { error, at: performance.now(), times: (before?.times ?? 0) + 1 }
        }
        const again = nextStep(error, 'session.login_with_password', { renewed: hops >= 3, reads: 0, busy })
        if (again?.kind === 'log in' && again.master !== undefined) {
          hops++
          await this.#follow(again.master, deadline, signal)
        } else if (again?.kind === 'busy' && Date.now() + again.pauseMs < deadline) {
          busy++
          await delay(again.pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
        } else {
          throw error
        }
      }
    }
  }

  async #send(
    rpc: JsonRpc,
    method: string,
    params: readonly unknown[],
    signal: AbortSignal | undefined,
    deadline: number,
  ): Promise<unknown> {
    this.counted(method)
    try {
      return await rpc.request(method, params, { signal, timeoutMs: Math.max(deadline - Date.now(), 1) })
    } catch (error) {
      if (!(error instanceof XapiError)) throw error
      // SESSION_INVALID repeats the session; texts of INTERNAL_ERROR may repeat any parameter, the password of a login too.
      const { password } = this.#options
      const login = LOGINS.has(method) && password !== ''
      const shown = error.params.map((param) => this.hide(login ? param.replaceAll(password, '(hidden)') : param))
      if (error.code === 'SESSION_INVALID') shown[0] = '(hidden)'
      throw new XapiError(error.code, shown, method)
    }
  }

  /** HOST_IS_SLAVE gives the bare address of the master; the port is the one that the user's URL has. */
  async #follow(host: string, deadline: number, signal: AbortSignal | undefined): Promise<void> {
    const address = { ...this.address, host }
    if (isIP(host) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)) {
      throw new XapiConnectionError('not-xapi', formatAddress(this.address), 'the address of the master that it told makes no sense')
    }
    if (!address.tls && !isLoopback(host) && !this.#options.allowPlainHttp) {
      throw new XapiConnectionError('plain-http', formatAddress(address), 'the master would be talked to without encryption', {
        unsent: true,
      })
    }
    const { connector, user, password } = this.#options
    const told = this.#calls
    // Several calls may be told at once; the first has gone there already.
    if (formatAddress(told.address) === formatAddress(address)) return
    if (address.tls && connector.fingerprint(address) === '') {
      const send = (method: string, params: readonly unknown[]) => this.#send(told, method, params, signal, deadline)
      await vouchForMaster({ connector, send, user, password, keepSecret: (ref) => this.#secrets.add(ref) }, address)
    }
    if (this.#calls !== told || this.#closed) return
    this.#calls.close()
    this.#waits.close()
    this.#calls = this.#rpcTo(address)
    this.#waits = this.#rpcTo(address)
  }

  #rpcTo(address: Address): JsonRpc {
    return jsonRpc(this.#options.connector, address, this.#options.connectTimeoutMs)
  }
}

type NextStep =
  | { readonly kind: 'log in'; readonly master?: string }
  | { readonly kind: 'read'; readonly pauseMs: number }
  | { readonly kind: 'busy'; readonly pauseMs: number }

/**
 * Whether and how a failed call may be sent again. SESSION_INVALID, HOST_IS_SLAVE and HOST_STILL_BOOTING are told before
 * anything was done, TOO_MANY_PENDING_TASKS before the object's lock was taken (behaviour.md 1.4). After a broken connection
 * only reads are repeated, or what was never sent on a pool that had answered before.
 */
function nextStep(error: unknown, method: string, sofar: { renewed: boolean; reads: number; busy: number }): NextStep | undefined {
  if (error instanceof XapiConnectionError) {
    const login = method === 'session.login_with_password'
    const passing = error.reason === 'broken' || error.reason === 'refused' || error.reason === 'unreachable'
    const pauseMs = READ_PAUSES_MS[sofar.reads]
    return !login && passing && pauseMs !== undefined && (error.unsent || isRead(method)) ? { kind: 'read', pauseMs } : undefined
  }
  if (!(error instanceof XapiError)) return undefined
  switch (error.code) {
    case 'SESSION_INVALID':
      return sofar.renewed ? undefined : { kind: 'log in' }
    case 'HOST_IS_SLAVE': {
      const master = error.params[0]
      return sofar.renewed || master === undefined ? undefined : { kind: 'log in', master }
    }
    case 'HOST_STILL_BOOTING':
    case 'TOO_MANY_PENDING_TASKS': {
      const pauseMs = BUSY_PAUSES_MS[sofar.busy]
      return pauseMs === undefined ? undefined : { kind: 'busy', pauseMs }
    }
    default:
      return undefined
  }
}

function isRead(method: string): boolean {
  return /^[A-Za-z0-9_]+\.get_/.test(method) || method === 'event.from' || method === 'system.listMethods'
}
