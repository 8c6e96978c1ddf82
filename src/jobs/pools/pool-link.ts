/** Keeps the connection to one registered pool, and what is seen of it. Nothing that happens to it reaches another pool. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Timestamp } from '../../core/control/job.ts'
import type { PoolInventory, PoolRecord, PoolState, PoolStatus } from '../../core/control/pool-record.ts'
import type { RunFailure } from '../../core/control/run-record.ts'
import { Failure } from '../../core/failure.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { buildInventory, countsOf } from './build-inventory.ts'
import { type ConnectedPool, connectPool, failureOf, hostsOf, type KnownHosts, replaced } from './connect-pool.ts'
import { InventoryTables } from './inventory-tables.ts'
import { isRefusedLogin, RefusedLogins } from './refused-logins.ts'
import { retryPause } from './retry-pause.ts'
import { SharedClient } from './shared-client.ts'
import { watchInventory } from './watch-inventory.ts'

/**
 * What needs somebody to act. It is looked at again now and then all the same: what was accepted may be back, nothing is accepted by it.
 * A refused password is a matter of its own (refused-logins.ts).
 */
const REFUSALS: ReadonlySet<string> = new Set([
  'CERTIFICATE_CHANGED',
  'CERTIFICATE_UNKNOWN',
  'RBAC_PERMISSION_DENIED',
  'POOL_REPLACED',
  'POOL_PLAIN_HTTP',
  'KEY_WRONG',
  'SECRET_DAMAGED',
])
const REFUSED_PAUSE_MS = 15 * 60_000
/** An attempt that failed this short a time ago answers for the next one. */
const FRESH_MS = 1_000
/** Changes of what is in a pool are told at most this often. */
const TELL_MS = 500
/** What the hosts are asked for may take. */
const ASK_MS = 60_000
/** When it was last seen is written down at most this often. */
const SEEN_MS = 60_000

export interface PoolLinkOptions {
  readonly now: () => number
  /** Opens the stored password. */
  readonly password: () => Promise<string>
  /** The state, or something shown with it, is another. */
  readonly onStatus: () => void
  /** What is in the pool is different. */
  readonly onInventory: () => void
  readonly onSeen: (at: number) => void
  /** It told of other hosts than before. */
  readonly onHosts: (hosts: KnownHosts) => void
  /** How often in a row it refused the password is another number. */
  readonly onRefusals: (count: number) => void
  readonly reloadPauseMs?: number | undefined
  /** Milliseconds before a refused password is sent again, each time. */
  readonly refusedPausesMs?: readonly number[] | undefined
}

/** What is known of a pool from earlier. */
export interface PoolMemory {
  readonly lastSeenAt?: number | undefined
  readonly knownHosts?: KnownHosts | undefined
  readonly loginRefusals?: number | undefined
}

export class PoolLink {
  #record: PoolRecord
  readonly #options: PoolLinkOptions
  readonly #tables = new InventoryTables()
  #inventory: PoolInventory | undefined
  /** When everything was known first, and heard of last. */
  #seenAt: number | undefined
  #lastSeenAt: number | undefined
  #writtenAt = Number.NEGATIVE_INFINITY
  #state: PoolState
  #error: { readonly failure: Failure; readonly at: number } | undefined
  #since: number
  #client: SharedClient | undefined
  #known: KnownHosts
  /** The hosts as they were when they were asked for their certificates. */
  #askedOf: string | undefined
  readonly #refusals: RefusedLogins
  /** Attempts that found no host since the last that did. */
  #missed = 0
  #stop: AbortController | undefined
  #running: Promise<void> = Promise.resolve()
  /** Ends the pause between two attempts; undefined while there is none. */
  #hurry: AbortController | undefined
  readonly #waiting = new Set<PromiseWithResolvers<SharedClient>>()
  readonly #used = new Set<SharedClient>()
  #telling: NodeJS.Timeout | undefined
  /** Aborted when everything is known first: what waits for it goes on. */
  readonly #sight = new AbortController()

  constructor(record: PoolRecord, memory: PoolMemory, options: PoolLinkOptions) {
    this.#record = record
    this.#options = options
    this.#lastSeenAt = memory.lastSeenAt
    this.#known = memory.knownHosts ?? new Map()
    this.#refusals = new RefusedLogins(memory.loginRefusals ?? 0, options.onRefusals, options.refusedPausesMs)
    this.#since = options.now()
    this.#state = record.enabled ? 'connecting' : 'disabled'
  }

  get record(): PoolRecord {
    return this.#record
  }

  status(): PoolStatus {
    const stamp = (at: number): Timestamp => new Date(at).toISOString()
    const [, host] = [...this.#tables.rows('host')].find(([ref]) => ref === [...this.#tables.rows('pool')][0]?.[1].master) ?? []
    return {
      ...this.#record,
      state: this.#state,
      error: this.#error ? told(this.#error.failure) : null,
      since: stamp(this.#since),
      lastSeenAt: this.#lastSeenAt === undefined ? null : stamp(this.#lastSeenAt),
      version: host?.version || null,
      counts: countsOf(this.#tables),
    }
  }

  inventory(): PoolInventory | undefined {
    if (this.#seenAt === undefined) return undefined
    this.#inventory ??= buildInventory(this.#tables, this.#record.id, new Date(this.#lastSeenAt ?? this.#seenAt).toISOString())
    return this.#inventory
  }

  /** Waits until everything in the pool is known, no longer than so many milliseconds. Never rejects. */
  async firstSight(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal: AbortSignal.any([this.#sight.signal, signal]) }).catch(() => undefined)
  }

  /** Begins with what is known from earlier. */
  start(): void {
    this.#begin(this.#record, undefined)
  }

  /** Begins anew with what somebody changed; `connected`: a client that was made to try it. */
  restart(record: PoolRecord, connected?: ConnectedPool): void {
    this.#refusals.forget()
    this.#begin(record, connected)
  }

  #begin(record: PoolRecord, connected: ConnectedPool | undefined): void {
    this.#record = record
    this.#stop?.abort(closed(record))
    this.#drop()
    this.#inventory = undefined
    if (!record.enabled) {
      void connected?.xapi.close()
      this.#become('disabled', undefined)
      this.#refuse(disabled(record))
      return
    }
    const stop = new AbortController()
    this.#stop = stop
    const before = this.#running
    if (this.#state === 'disabled' && !connected) this.#become('connecting', undefined)
    const adopted = connected && this.#adopt(connected)
    this.#running = before.then(() => this.#run(stop.signal, adopted))
  }

  /** Of the name only: the connection stays. */
  rename(record: PoolRecord): void {
    this.#record = record
    this.#options.onStatus()
  }

  /** With the connection that there is, or as soon as there is one; rejects with what connecting ends with. */
  async use<T>(signal: AbortSignal, use: (xapi: Xapi) => Promise<T>): Promise<T> {
    const client = this.#client ?? (await this.#connected(signal))
    return await client.use(use)
  }

  /** Somebody has tried it and was let in: it is tried now instead of at the end of the pause, a refused password too. */
  tried(): void {
    this.#refusals.forget()
    this.#hurry?.abort()
  }

  /** Ends everything, also what is in use. */
  async close(): Promise<void> {
    this.#stop?.abort(closed(this.#record))
    this.#drop()
    this.#refuse(closed(this.#record))
    clearTimeout(this.#telling)
    await this.#running
    await Promise.all([...this.#used].map((client) => client.close()))
  }

  #connected(signal: AbortSignal): Promise<SharedClient> {
    if (!this.#record.enabled) return Promise.reject(disabled(this.#record))
    const error = this.#error
    if (error && (this.#state === 'refused' || performance.now() - error.at < FRESH_MS)) return Promise.reject(error.failure)
    const waiting = Promise.withResolvers<SharedClient>()
    const aborted = () => waiting.reject(signal.reason)
    if (signal.aborted) aborted()
    signal.addEventListener('abort', aborted, { once: true })
    this.#waiting.add(waiting)
    this.#hurry?.abort()
    return waiting.promise.finally(() => {
      this.#waiting.delete(waiting)
      signal.removeEventListener('abort', aborted)
    })
  }

  #adopt(connected: ConnectedPool): SharedClient {
    const client: SharedClient = new SharedClient(connected, () => this.#used.delete(client))
    this.#used.add(client)
    this.#client = client
    this.#missed = 0
    this.#refusals.forget()
    this.#learn(connected.hosts)
    this.#askedOf = undefined
    this.#heard()
    this.#become('connected', undefined)
    for (const waiting of this.#waiting) waiting.resolve(client)
    return client
  }

  async #run(stop: AbortSignal, first: SharedClient | undefined): Promise<void> {
    let adopted = first
    for (let failures = 0; !stop.aborted; ) {
      try {
        const client = adopted ?? this.#adopt(await this.#connect(stop))
        adopted = undefined
        await watchInventory(client.connected.xapi, this.#tables, {
          signal: stop,
          onSeen: (changed) => {
            // Only now: a pool that lets everybody in and then fails is not asked once a second.
            failures = 0
            this.#seen(changed)
          },
          ...(this.#options.reloadPauseMs === undefined ? {} : { reloadPauseMs: this.#options.reloadPauseMs }),
        })
      } catch (error) {
        // Whoever stopped it has seen to the client.
        if (stop.aborted) return
        this.#drop()
        const pause = this.#failed(asFailure(error), ++failures)
        this.#hurry = new AbortController()
        const over = AbortSignal.any([stop, this.#hurry.signal])
        await (pause === undefined ? aborted(over) : delay(pause, undefined, { signal: over }).catch(() => undefined))
        this.#hurry = undefined
      }
    }
  }

  /** Tells what it failed with. Milliseconds until the next attempt, undefined: when somebody has acted. */
  #failed(failure: Failure, failures: number): number | undefined {
    const end = (state: PoolState, told: Failure, pause: number | undefined) => {
      this.#become(state, told)
      this.#refuse(told)
      return pause
    }
    if (isRefusedLogin(failure)) {
      const pause = this.#refusals.isEnough ? undefined : this.#refusals.refused()
      return end('refused', this.#refusals.explain(failure), pause)
    }
    if (REFUSALS.has(failure.code)) return end('refused', failure, REFUSED_PAUSE_MS)
    this.#missed++
    return end('away', failure, retryPause(failures, Math.random()))
  }

  async #connect(signal: AbortSignal): Promise<ConnectedPool> {
    if (this.#refusals.isEnough) throw this.#refusals.explain()
    const { url, user, fingerprints, poolUuid } = this.#record
    const login = { url, user, password: await this.#options.password(), fingerprints }
    const connected = await connectPool(login, { signal, expected: poolUuid, known: this.#known, attempt: this.#missed })
    if (!signal.aborted) return connected
    await connected.xapi.close()
    throw signal.reason
  }

  #seen(changed: boolean): void {
    const [, own] = [...this.#tables.rows('pool')][0] ?? []
    // A host that has left its pool answers with the same certificate and password.
    if (own && own.uuid !== this.#record.poolUuid) throw replaced(own.uuid, this.#record.poolUuid)
    const first = this.#seenAt === undefined
    this.#heard()
    this.#seenAt ??= this.#options.now()
    this.#sight.abort()
    this.#askHosts()
    if (!changed && !first) return
    this.#inventory = undefined
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      this.#options.onStatus()
      this.#options.onInventory()
    }, TELL_MS)
  }

  /** A host that came, or has another address, is found by it when the others are gone one day. */
  #askHosts(): void {
    // One that joins has its certificate in the database by the time it is enabled.
    const now = [...this.#tables.rows('host')]
      .map(([, { address, enabled }]) => `${address} ${enabled}`)
      .toSorted()
      .join()
    const before = this.#askedOf
    this.#askedOf = now
    const client = this.#client
    // Just connected: they were asked for then.
    if (client === undefined || before === now || before === undefined) return
    const signal = AbortSignal.any([AbortSignal.timeout(ASK_MS), ...(this.#stop ? [this.#stop.signal] : [])])
    client
      .use((xapi) => hostsOf(xapi, signal))
      .then(
        (hosts) => this.#client === client && this.#learn(hosts),
        // At the next change of the hosts, or when it is connected to anew.
        () => undefined,
      )
  }

  #learn(hosts: KnownHosts): void {
    const same = hosts.size === this.#known.size && [...hosts].every(([where, fingerprint]) => this.#known.get(where) === fingerprint)
    this.#known = hosts
    if (!same) this.#options.onHosts(hosts)
  }

  #heard(): void {
    const now = this.#options.now()
    this.#lastSeenAt = now
    if (Math.abs(now - this.#writtenAt) < SEEN_MS) return
    this.#writtenAt = now
    this.#options.onSeen(now)
  }

  #become(state: PoolState, failure: Failure | undefined): void {
    const same = this.#state === state && this.#error?.failure.message === failure?.message
    if (this.#state !== state) this.#since = this.#options.now()
    this.#state = state
    this.#error = failure && { failure, at: performance.now() }
    if (!same) this.#options.onStatus()
  }

  /** Those that use it go on, for them it ends when they are done. */
  #drop(): void {
    this.#client?.retire()
    this.#client = undefined
  }

  #refuse(failure: Failure): void {
    for (const waiting of [...this.#waiting]) waiting.reject(failure)
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function asFailure(error: unknown): Failure {
  const explained = failureOf(error)
  if (explained instanceof Failure) return explained
  return new Failure('POOL_UNEXPECTED', `unexpected error: ${(error as Error)?.message ?? error}`, undefined, error)
}

const told = ({ code, message, hint }: Failure): RunFailure => ({ code, message, hint })

const closed = (record: PoolRecord): Failure =>
  new Failure(
    'POOL_CLOSED',
    `the connection to the pool ${record.name} was closed by the server: it is ending, or the pool was changed`,
    'try again',
  )

const disabled = (record: PoolRecord): Failure => new Failure('POOL_DISABLED', `the pool ${record.name} is disabled`)
