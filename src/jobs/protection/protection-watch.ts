/**
 * Watches over what each job achieves for each of its VMs on each target. States change when a run ends, when a job or a pool changes, and by
 * time alone: for that there is one wake-up, at the next instant at which one does.
 */
import type { Job, Target } from '../../core/control/job.ts'
import { judgeProtection, type ProtectionFacts } from '../../core/control/judge-protection.ts'
import type { Protection } from '../../core/control/protection.ts'
import type { ResolvedSelection } from '../../core/control/resolve-selection.ts'
import type { VmRun } from '../../core/control/run-record.ts'
import { isInPlaceOf } from '../../core/control/shows-failover.ts'
import { targetsOf } from '../../core/control/turned-selection.ts'
import type { Queries, Store } from '../../store/open-store.ts'
import { deleteProtection } from '../../store/protections/delete-protections.ts'
import { listProtections } from '../../store/protections/list-protections.ts'
import type { StoredProtection } from '../../store/protections/protection-row.ts'
import { putProtection } from '../../store/protections/put-protection.ts'
import type { Clock } from '../clock.ts'
import type { JobBook } from '../job-book.ts'
import type { PoolAccess } from '../pool-access.ts'
import { askedRpo } from './asked-rpo.ts'
import { doubtOf } from './doubts.ts'
import { failoversOf, vmsOf } from './inventory-index.ts'
import { keyInList, type ListedProtection, UnprotectedVms } from './listed.ts'
import { chainsOf, keyOf, newRow, type Row } from './protection-row.ts'

export interface WatchParts {
  readonly store: Store
  readonly clock: Clock
  readonly book: JobBook
  readonly pools: PoolAccess
  readonly resolve: (job: Job) => ResolvedSelection
  readonly isUnderWay: (job: string, pool: string, vm: string, target: Target) => boolean
  readonly healthOf: (chain: ChainName) => Protection['lastHealthCheck']
  readonly onProtection: (protection: Protection) => void
  /** Its state is another one than before; also told once for each at the start. */
  readonly onState: (protection: Protection, job: Job) => void
  /** Other chains are watched than before, or other VMs are unprotected. */
  readonly onList: () => void
  /** What is known of chains onto a pool is doubtful: it is to be read, and `learn` to be called. */
  readonly onDoubt: (pool: string) => void
  readonly onError: (error: unknown) => void
}

export interface ChainName {
  readonly job: string
  readonly sourcePool: string
  /** uuid */
  readonly vm: string
  readonly target: Target
}

/** What a target pool says of a chain. */
export interface LearntChain {
  readonly job: string
  readonly vm: string
  readonly sr: string
  readonly point: StoredProtection['point']
  readonly replica: string | null
}

/** News of what a run made on its target come after the run has told of it. */
const NEWS_MS = 10_000

export class ProtectionWatch {
  readonly #parts: WatchParts
  readonly #rows = new Map<string, Row>()
  readonly #asked = new Map<string, { readonly version: number; readonly rpo: number | null }>()
  #listed: readonly ListedProtection[] | undefined
  /** As of the last time that was told of it. */
  #told: readonly ListedProtection[] | undefined
  readonly #unprotected: UnprotectedVms
  #callOff: (() => void) | undefined
  #callOffDoubts: (() => void) | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  #stopped = false
  #syncing: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(parts: WatchParts) {
    this.#parts = parts
    this.#unprotected = new UnprotectedVms(parts.pools)
  }

  async load(): Promise<void> {
    for (const stored of await listProtections(this.#parts.store.db)) this.#rows.set(keyOf(stored), newRow(stored))
    this.#listed = undefined
  }

  stop(): void {
    this.#stopped = true
    this.#callOff?.()
    this.#callOffDoubts?.()
  }

  /** Chains that jobs choose now come in, those that they do not choose any more go; all are judged anew. */
  sync(): Promise<void> {
    // What asks for it while one is under way is served by one more, together.
    if (this.#syncing === undefined) {
      this.#syncing = this.#sync().finally(() => {
        this.#syncing = undefined
      })
      return this.#syncing
    }
    this.#next ??= this.#syncing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.sync()
      })
    return this.#next
  }

  async #sync(): Promise<void> {
    const { store, clock, pools, book, resolve } = this.#parts
    const added: StoredProtection[] = []
    const wanted = new Set<string>()
    for (const job of book.all()) {
      for (const chain of chainsOf(job, resolve(job), clock.now())) {
        const key = keyOf(chain)
        wanted.add(key)
        const row = this.#rows.get(key)
        if (row === undefined) added.push(chain)
        else if (row.stored.vm.name !== chain.vm.name && chain.vm.name !== chain.vm.uuid) {
          row.stored = { ...row.stored, vm: chain.vm }
          this.#listed = undefined
        }
      }
    }
    const gone = [...this.#rows.values()].filter(({ stored }) => {
      if (wanted.has(keyOf(stored))) return false
      // A pool that was not seen yet tells nothing about its VMs, unless the job itself is gone, or its target is.
      const job = book.find(stored.job)
      const { pool, sr } = stored.target
      const targeted =
        job !== undefined && targetsOf(job, stored.sourcePool, stored.vm.uuid).some((each) => each.pool === pool && each.sr === sr)
      return !targeted || pools.inventoryOf(stored.sourcePool) !== undefined
    })
    for (const stored of added) this.#rows.set(keyOf(stored), newRow(stored))
    for (const { stored } of gone) this.#rows.delete(keyOf(stored))
    if (added.length + gone.length > 0) {
      this.#listed = undefined
      await store.transaction(async (db) => {
        for (const stored of added) if (book.find(stored.job) !== undefined) await putProtection(db, stored)
        for (const { stored } of gone) await deleteProtection(db, stored)
      })
    }
    await this.judgeAll()
    this.#tellOfList()
    this.#lookForDoubts()
  }

  #tellOfList(): void {
    const listed = this.list()
    if (listed === this.#told) return
    const same = this.#told?.length === listed.length && this.#told.every(({ key }, nth) => key === listed[nth]?.key)
    this.#told = listed
    if (!same) this.#parts.onList()
  }

  #lookForDoubts(): void {
    const { pools, clock, isUnderWay, onDoubt } = this.#parts
    const doubted = new Set<string>()
    let early = false
    for (const row of this.#rows.values()) {
      const { job, sourcePool, vm, target } = row.stored
      const isFresh = clock.now() - row.touchedAt < NEWS_MS
      early ||= isFresh
      if (isFresh || isUnderWay(job, sourcePool, vm.uuid, target)) continue
      const doubt = doubtOf(row.stored, pools.inventoryOf(target.pool))
      // One that stays although the pool was read is none.
      if (doubt !== null && doubt !== row.doubt) doubted.add(target.pool)
      row.doubt = doubt
    }
    for (const pool of doubted) onDoubt(pool)
    if (!early || this.#stopped) return
    this.#callOffDoubts ??= clock.wakeAfter(NEWS_MS, () => {
      this.#callOffDoubts = undefined
      this.#lookForDoubts()
    })
  }

  async judgeAll(): Promise<void> {
    await this.#judge([...this.#rows.values()])
  }

  /** To be called in the transaction that stores the end of a VM run. */
  async storeOutcome(db: Queries, vmRun: VmRun): Promise<void> {
    const row = this.#rows.get(keyOf({ ...vmRun, vm: vmRun.vm }))
    if (row === undefined || vmRun.state === 'skipped') return
    const { id, state, endedAt, error, restorePoint, replica } = vmRun
    const newer = restorePoint ?? row.stored.point
    row.stored = {
      ...row.stored,
      point: newer,
      replica: replica ?? row.stored.replica,
      lastRun: { vmRun: id, state, endedAt },
      lastError: state === 'success' ? null : (error ?? row.stored.lastError),
    }
    row.touchedAt = this.#parts.clock.now()
    await putProtection(db, row.stored)
  }

  /** Something else of it is to be told anew. */
  async noteChain({ job, sourcePool, vm, target }: ChainName): Promise<void> {
    const row = this.#rows.get(keyOf({ job, sourcePool, vm: { uuid: vm, name: '' }, target }))
    if (row !== undefined) await this.#judge([row], true)
  }

  /** A VM run began or ended. */
  async noteVmRun({ job, sourcePool, vm, target }: VmRun): Promise<void> {
    const row = this.#rows.get(keyOf({ job, sourcePool, vm, target }))
    if (row !== undefined) await this.#judge([row], true)
  }

  /** What a target pool holds, as it was read from `readAt` on: what a run has told since is newer. */
  async learn(pool: string, chains: readonly LearntChain[], readAt: number): Promise<void> {
    const known = new Map(chains.map((chain) => [`${chain.job}/${chain.vm}/${chain.sr}`, chain]))
    const changed: Row[] = []
    for (const row of this.#rows.values()) {
      const { job, vm, target, point, replica } = row.stored
      if (target.pool !== pool || row.touchedAt >= readAt) continue
      const found = known.get(`${job}/${vm.uuid}/${target.sr}`)
      const learnt = { point: found?.point ?? null, replica: found?.replica ?? null }
      if (learnt.point?.uuid === point?.uuid && learnt.point?.takenAt === point?.takenAt && learnt.replica === replica) continue
      row.stored = { ...row.stored, ...learnt }
      changed.push(row)
    }
    if (changed.length === 0) return
    await this.#parts.store.transaction(async (db) => {
      for (const { stored } of changed) await putProtection(db, stored)
    })
    await this.#judge(changed, true)
  }

  /** Of a source VM, by whichever jobs. */
  ofVm(vm: string): Protection[] {
    return [...this.#rows.values()].filter(({ stored }) => stored.vm.uuid === vm).map((row) => this.#protectionOf(row))
  }

  ofJob(job: string): Protection[] {
    return [...this.#rows.values()].filter(({ stored }) => stored.job === job).map((row) => this.#protectionOf(row))
  }

  /** By name of the VM; and the VMs of registered pools that no job chooses. */
  list(): ListedProtection[] {
    this.#listed ??= [...this.#rows.values()]
      .sort((a, b) => a.stored.vm.name.localeCompare(b.stored.vm.name) || (keyOf(a.stored) < keyOf(b.stored) ? -1 : 1))
      .map((row) => this.#listedOf(row))
    const chosen = this.#listed
    let keys: Set<string> | undefined
    const isChosen = (pool: string, vm: string) => {
      keys ??= new Set(chosen.map((each) => `${each.sourcePool}/${each.vm}`))
      return keys.has(`${pool}/${vm}`)
    }
    return [...chosen, ...this.#unprotected.list(isChosen, chosen)]
  }

  all(): Protection[] {
    return this.list().map((each) => each.show())
  }

  /** Chains whose last run failed, or whose RPO is missed, judged anew: what alerts should be open. */
  judged(): { readonly protection: Protection; readonly failed: boolean }[] {
    return [...this.#rows.values()].map((row) => ({ protection: this.#protectionOf(row), failed: row.stored.lastRun?.state === 'failed' }))
  }

  /** Whether the replica of a chain has taken over, or is about to, as of the last event of its pool. */
  isFailedOver(job: string, vm: string, target: Target): boolean {
    return failoversOf(this.#parts.pools.inventoryOf(target.pool)).some(
      ({ failedOver }) => failedOver?.job === job && isInPlaceOf(failedOver, vm, target.sr),
    )
  }

  #askedOf(job: Job): number | null {
    const known = this.#asked.get(job.id)
    if (known?.version === job.version) return known.rpo
    const rpo = askedRpo(job)
    this.#asked.set(job.id, { version: job.version, rpo })
    return rpo
  }

  /** @param tell tells of them although their state is the same */
  async #judge(rows: readonly Row[], tell = false): Promise<void> {
    const changed: Row[] = []
    const told: Row[] = []
    for (const row of rows) {
      const job = this.#parts.book.find(row.stored.job)
      if (job === undefined) continue
      const facts = this.#factsOf(row, job)
      const { state, reason, changesAt } = judgeProtection(facts)
      const before = row.state
      Object.assign(row, { state, reason, changesAt, asked: facts.askedRpo })
      if (row.stored.state !== state) {
        row.stored = { ...row.stored, state }
        changed.push(row)
      }
      if (before !== state) told.push(row)
      else if (tell) this.#parts.onProtection(this.#protectionOf(row))
    }
    this.#arm()
    for (const row of told) {
      const protection = this.#protectionOf(row)
      this.#parts.onProtection(protection)
      const job = this.#parts.book.find(row.stored.job)
      if (job !== undefined) this.#parts.onState(protection, job)
    }
    if (changed.length === 0) return
    await this.#parts.store
      .transaction(async (db) => {
        for (const row of changed) if (this.#rows.get(keyOf(row.stored)) === row) await putProtection(db, row.stored)
      })
      // What is stored of the state only tells what was told last: it is judged anew at the start.
      .catch(this.#parts.onError)
  }

  #factsOf({ stored }: Row, job: Job): ProtectionFacts {
    const { clock, pools, isUnderWay } = this.#parts
    const replica = stored.replica === null ? undefined : vmsOf(pools.inventoryOf(stored.target.pool)).get(stored.replica)
    const { state } = stored.lastRun ?? { state: null }
    return {
      now: clock.now(),
      askedRpo: this.#askedOf(job),
      newestPoint: stored.point === null ? null : Date.parse(stored.point.takenAt),
      firstSeen: Date.parse(stored.firstSeenAt),
      lastState: state as ProtectionFacts['lastState'],
      lastErrorText: stored.lastError?.message ?? null,
      underWay: stored.point === null && isUnderWay(stored.job, stored.sourcePool, stored.vm.uuid, stored.target),
      jobEnabled: job.enabled,
      schedulesEnabled: job.schedules.some(({ enabled }) => enabled),
      failedOver:
        (replica !== undefined && replica.powerState !== 'Halted') || this.isFailedOver(stored.job, stored.vm.uuid, stored.target),
    }
  }

  #arm(): void {
    let next = Number.POSITIVE_INFINITY
    for (const { changesAt } of this.#rows.values()) if (changesAt !== null && changesAt < next) next = changesAt
    if (this.#stopped || next === this.#wakeAt) return
    this.#callOff?.()
    this.#callOff = undefined
    this.#wakeAt = next
    if (next === Number.POSITIVE_INFINITY) return
    this.#callOff = this.#parts.clock.wakeAt(next, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY
      const now = this.#parts.clock.now()
      void this.#judge([...this.#rows.values()].filter(({ changesAt }) => changesAt !== null && changesAt <= now))
    })
  }

  #protectionOf(row: Row): Protection {
    const { stored, state, asked } = row
    const job = this.#parts.book.find(stored.job)
    // Its state is as it was told; the age in its reason is as of now.
    const now = job && judgeProtection(this.#factsOf(row, job))
    const point = stored.point
    const age = point === null ? null : Math.max(0, this.#parts.clock.now() - Date.parse(point.takenAt))
    return {
      sourcePool: stored.sourcePool,
      vm: stored.vm,
      job: stored.job,
      jobName: job?.name ?? null,
      target: stored.target,
      state: state ?? 'pending',
      reason: now?.state === state ? now.reason : row.reason,
      askedRpoSeconds: asked === null ? null : Math.round(asked / 1000),
      achievedRpoSeconds: age === null ? null : Math.round(age / 1000),
      newestPoint: point,
      replica: stored.replica,
      lastRun: stored.lastRun,
      lastError: stored.lastError,
      lastHealthCheck: this.#parts.healthOf({ job: stored.job, sourcePool: stored.sourcePool, vm: stored.vm.uuid, target: stored.target }),
    }
  }

  #listedOf(row: Row): ListedProtection {
    const { sourcePool, vm, job, target } = row.stored
    return {
      get state() {
        return row.state ?? 'pending'
      },
      sourcePool,
      vm: vm.uuid,
      job,
      targetPool: target.pool,
      key: keyInList(sourcePool, vm.uuid, job, target),
      show: () => this.#protectionOf(row),
    }
  }
}
