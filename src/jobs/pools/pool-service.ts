/** The registered pools: what users do with them, and what jobs and runs need of them. */
import { randomUUID } from 'node:crypto'
import type { PoolInventory, PoolRecord, PoolStatus } from '../../core/control/pool-record.ts'
import { Failure } from '../../core/failure.ts'
import { listJobs } from '../../store/jobs/list-jobs.ts'
import type { Store } from '../../store/open-store.ts'
import { deletePool } from '../../store/pools/delete-pool.ts'
import { insertPool } from '../../store/pools/insert-pool.ts'
import { listPools } from '../../store/pools/list-pools.ts'
import { setKnownHosts, setLoginRefusals, setPoolSeen } from '../../store/pools/note-pool.ts'
import { updatePool } from '../../store/pools/update-pool.ts'
import type { Secrets } from '../../store/secrets/secrets.ts'
import { fromTimestamp, toTimestamp } from '../../store/timestamps.ts'
import { normalFingerprint } from '../../xapi/fingerprint.ts'
import { lookAtCertificate } from '../../xapi/look-at-certificate.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import type { Clock } from '../clock.ts'
import type { Certificate, NewPool, PoolOperations } from '../control-plane.ts'
import type { PoolAccess, PoolChange } from '../pool-access.ts'
import { type ConnectedPool, connectPool, failureOf, normalUrl, type PoolLogin } from './connect-pool.ts'
import { PoolLink, type PoolMemory } from './pool-link.ts'
import { jobsNaming } from './pool-uses.ts'
import { testPool } from './test-pool.ts'

/** What somebody waits for at a form. */
const TRY_MS = 60_000
/** So long somebody who adds a pool waits for what is in it; it is seen later else. */
const FIRST_SIGHT_MS = 5_000

export interface PoolServiceOptions {
  readonly store: Store
  readonly secrets: Secrets
  readonly clock: Pick<Clock, 'now'>
  /** Told of what could not be written down; the service goes on. */
  readonly onError?: (error: unknown) => void
  /** Milliseconds between two times that everything of a pool is asked for, when its events leave something out. */
  readonly reloadPauseMs?: number
  /** Milliseconds before a password that a pool refused is sent again, each time; then it is not, until somebody acts. */
  readonly refusedPausesMs?: readonly number[]
}

export class PoolService implements PoolOperations, PoolAccess {
  readonly #options: PoolServiceOptions
  readonly #links = new Map<string, PoolLink>()
  readonly #listeners = new Set<(change: PoolChange) => void>()
  readonly #closing = new AbortController()
  /** Changes of the list one after the other; trying a pool is done before. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: PoolServiceOptions) {
    this.#options = options
  }

  /** Begins to connect to what is registered; does not wait for it. */
  async start(): Promise<void> {
    for (const { record, lastSeenAt, ...memory } of await listPools(this.#options.store.db)) {
      this.#link(record, { ...memory, lastSeenAt: lastSeenAt === null ? undefined : fromTimestamp(lastSeenAt) }).start()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Failure('POOL_CLOSED', 'the server is ending', 'try again'))
    await this.#turn
    await Promise.all([...this.#links.values()].map((link) => link.close()))
    this.#links.clear()
  }

  async certificate(url: string): Promise<Certificate> {
    try {
      const { validFrom, validTo, ...seen } = await lookAtCertificate(url, { signal: this.#closing.signal })
      return { ...seen, validFrom: validFrom.toISOString(), validTo: validTo.toISOString() }
    } catch (error) {
      throw failureOf(error)
    }
  }

  async add(pool: NewPool): Promise<PoolStatus> {
    const url = normalUrl(pool.url)
    const fingerprints = [fingerprintOf(pool.fingerprint)]
    const connected = await this.#try({ url, user: pool.user, password: pool.password, fingerprints }, undefined)
    const added = await this.#inTurn(connected, async () => {
      const id = randomUUID()
      const { store, secrets, clock } = this.#options
      const record: PoolRecord = {
        id,
        name: pool.name?.trim() || connected.name || url,
        url,
        user: pool.user,
        fingerprints,
        poolUuid: connected.poolUuid,
        enabled: true,
        createdAt: toTimestamp(clock.now()),
      }
      const inserted = await store.transaction(
        async (db) => insertPool(db, { record, secret: secrets.seal(db, { table: 'pools', id }, pool.password), lastSeenAt: null }),
        { durable: true },
      )
      if (inserted === 'known') {
        const known = this.statuses().find(({ poolUuid }) => poolUuid === connected.poolUuid)
        const name = known ? ` as "${known.name}" (${known.url})` : ''
        throw new Failure('POOL_KNOWN', `this pool (${connected.poolUuid}) is registered already${name}`)
      }
      const link = this.#link(record, {})
      link.restart(record, connected)
      this.#tell({ kind: 'pool', pool: link.status() })
      return link
    })
    await added.firstSight(FIRST_SIGHT_MS, this.#closing.signal)
    return added.status()
  }

  async list(): Promise<readonly PoolStatus[]> {
    return this.statuses()
  }

  async get(id: string): Promise<PoolStatus> {
    return this.#known(id).status()
  }

  async change(id: string, change: Partial<NewPool> & { readonly enabled?: boolean }): Promise<PoolStatus> {
    const { record } = this.#known(id)
    const url = change.url === undefined ? record.url : normalUrl(change.url)
    const fingerprint = change.fingerprint === undefined ? undefined : fingerprintOf(change.fingerprint)
    const enabled = change.enabled ?? record.enabled
    // Else whoever may change a pool, but not read its password, would have it sent to a machine of theirs.
    if (url !== record.url && fingerprint !== undefined && !record.fingerprints.includes(fingerprint) && change.password === undefined) {
      throw new Failure('POOL_PASSWORD_NEEDED', `address and certificate of the pool ${record.name} are to change together`)
    }
    const login: PoolLogin = {
      url,
      user: change.user ?? record.user,
      password: change.password ?? (await this.#password(id)),
      fingerprints: fingerprint === undefined ? record.fingerprints : [fingerprint],
    }
    const another = url !== record.url || change.user !== undefined || change.password !== undefined || fingerprint !== undefined
    // A pool that is only switched off need not answer.
    const connected = another ? await this.#try(login, record.poolUuid) : undefined
    return await this.#inTurn(connected, async () => {
      const link = this.#known(id)
      const changed: PoolRecord = {
        ...link.record,
        name: change.name?.trim() || link.record.name,
        url: login.url,
        user: login.user,
        fingerprints: login.fingerprints,
        enabled,
      }
      await this.#update(changed, change.password)
      if (connected || enabled !== link.record.enabled) link.restart(changed, connected)
      else link.rename(changed)
      return link.status()
    })
  }

  async remove(id: string): Promise<void> {
    this.#known(id)
    await this.#inTurn(undefined, async () => {
      const link = this.#known(id)
      await this.#options.store.transaction(
        async (db) => {
          const named = jobsNaming(id, await listJobs(db))
          if (named.length > 0) {
            const names = named.map((job) => `"${job.name}"`).join(', ')
            throw new Failure(
              'POOL_IN_USE',
              `the pool ${link.record.name} is named by ${named.length === 1 ? 'the job' : 'the jobs'} ${names}`,
            )
          }
          await deletePool(db, id)
        },
        { durable: true },
      )
      this.#links.delete(id)
      await link.close()
      this.#tell({ kind: 'pool-removed', id })
    })
  }

  async test(id: string): ReturnType<PoolOperations['test']> {
    const link = this.#known(id)
    const { record } = link
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TRY_MS)])
    const login = { url: record.url, user: record.user, password: await this.#password(id), fingerprints: record.fingerprints }
    const tested = await testPool(login, record.poolUuid, () => this.#options.clock.now(), signal)
    if (tested.ok) link.tried()
    return tested
  }

  async inventory(id: string): Promise<PoolInventory> {
    const link = this.#known(id)
    const inventory = link.inventory()
    if (inventory) return inventory
    const { error, name } = link.status()
    throw new Failure('POOL_AWAY', `nothing was seen of the pool ${name} yet${error ? `: ${error.message}` : ''}`)
  }

  statuses(): readonly PoolStatus[] {
    const statuses = [...this.#links.values()].map((link) => link.status())
    return statuses.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
  }

  inventoryOf(pool: string): PoolInventory | undefined {
    return this.#links.get(pool)?.inventory()
  }

  async withPool<T>(pool: string, signal: AbortSignal, use: (xapi: Xapi) => Promise<T>): Promise<T> {
    return await this.#known(pool).use(signal, use)
  }

  onChange(listener: (change: PoolChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #known(id: string): PoolLink {
    const link = this.#links.get(id)
    if (!link) throw new Failure('POOL_UNKNOWN', `no pool is registered under the id ${id}`)
    return link
  }

  #link(record: PoolRecord, memory: PoolMemory): PoolLink {
    const { id } = record
    const { store, clock, reloadPauseMs, refusedPausesMs } = this.#options
    const note = (done: Promise<void>) => void done.catch((error) => this.#options.onError?.(error))
    const link: PoolLink = new PoolLink(record, memory, {
      now: () => clock.now(),
      password: () => this.#password(id),
      onStatus: () => this.#links.get(id) === link && this.#tell({ kind: 'pool', pool: link.status() }),
      onInventory: () => this.#links.get(id) === link && this.#tell({ kind: 'inventory', pool: id }),
      onSeen: (at) => note(setPoolSeen(store.db, id, toTimestamp(at))),
      onHosts: (hosts) => note(setKnownHosts(store.db, id, hosts)),
      onRefusals: (count) => note(setLoginRefusals(store.db, id, count)),
      reloadPauseMs,
      refusedPausesMs,
    })
    this.#links.set(id, link)
    return link
  }

  async #password(id: string): Promise<string> {
    const { store, secrets } = this.#options
    const row = await store.db.selectFrom('pools').select('secret').where('id', '=', id).executeTakeFirst()
    if (!row) throw new Failure('POOL_UNKNOWN', `no pool is registered under the id ${id}`)
    return secrets.open({ table: 'pools', id }, row.secret)
  }

  #try(login: PoolLogin, expected: string | undefined): Promise<ConnectedPool> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TRY_MS)])
    return connectPool(login, { signal, ...(expected === undefined ? {} : { expected }) }).catch((error: unknown) => {
      if (!signal.aborted) throw error
      this.#closing.signal.throwIfAborted()
      throw new Failure('POOL_TIMEOUT', `${login.url}: no answer within ${TRY_MS / 1000} s`)
    })
  }

  async #update(record: PoolRecord, password: string | undefined): Promise<void> {
    const { store, secrets } = this.#options
    await store.transaction(
      async (db) => {
        const row = await db.selectFrom('pools').select(['secret', 'last_seen_at']).where('id', '=', record.id).executeTakeFirst()
        if (!row) throw new Failure('POOL_UNKNOWN', `no pool is registered under the id ${record.id}`)
        const secret = password === undefined ? row.secret : secrets.seal(db, { table: 'pools', id: record.id }, password)
        await updatePool(db, { record, secret, lastSeenAt: row.last_seen_at === null ? null : toTimestamp(row.last_seen_at) })
      },
      { durable: true },
    )
  }

  /** A client that was connected for it and that nothing came of is closed. */
  async #inTurn<T>(connected: ConnectedPool | undefined, change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => {
      this.#closing.signal.throwIfAborted()
      return change()
    })
    this.#turn = done.catch(() => undefined)
    try {
      return await done
    } catch (error) {
      await connected?.xapi.close()
      throw error
    }
  }

  #tell(change: PoolChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

function fingerprintOf(text: string): string {
  const fingerprint = normalFingerprint(text)
  if (fingerprint === undefined) throw new Failure('FINGERPRINT_INVALID', `${text.slice(0, 100)} is no SHA-256 fingerprint`)
  return fingerprint
}
