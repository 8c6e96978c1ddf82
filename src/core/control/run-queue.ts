/**
 * The order in which queued VM runs begin, within limits. Pure: no clock; the same calls give the same order.
 *
 * Entries are kept in groups that use the same resources, so that what is looked at when a slot comes free is a few hundred groups at most,
 * not every entry. Jobs take turns (the one that was served least comes first). A group that needs several resources at once, and was
 * overtaken often because they never came free together, has those that are free kept for it: nothing waits for ever.
 */

/** A VM run, or several of one VM to several targets, that begin together. */
export interface QueueEntry {
  readonly id: string
  readonly job: string
  readonly run: string
  /** Entries of one run at once. */
  readonly runLimit: number
  /** No two entries with the same one are under way at once. */
  readonly vm: string
  /** Source and targets. */
  readonly pools: readonly string[]
  /** Targets, each as pool and SR in one text. */
  readonly srs: readonly string[]
}

export interface QueueLimits {
  readonly server: number
  readonly pool: number
  readonly sr: number
}

/** What an entry waits for. */
export type Obstacle =
  | { readonly kind: 'server' }
  | { readonly kind: 'run' }
  | { readonly kind: 'pool' | 'sr' | 'held-pool'; readonly id: string }
  | { readonly kind: 'vm' }

interface Group {
  readonly job: string
  readonly entries: QueueEntry[]
  readonly order: number
  overtaken: number
}

const PATIENCE = 32

export class RunQueue {
  #limits: QueueLimits
  #held: ReadonlySet<string> = new Set()
  readonly #groups = new Map<string, Group>()
  /** Waiting entries by the VM that is under way; they come back into their group when it is not. */
  readonly #behindVm = new Map<string, QueueEntry[]>()
  readonly #underWay = new Map<string, QueueEntry>()
  readonly #busyVms = new Set<string>()
  /** By VM that is under way: who has it next, before any entry. */
  readonly #reserving = new Map<string, (() => void)[]>()
  readonly #inUse = new Map<string, number>()
  readonly #served = new Map<string, number>()
  #queued = 0
  #order = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get queued(): number {
    return this.#queued
  }

  get underWay(): number {
    return this.#underWay.size
  }

  /** @param heldPools nothing that uses one of them begins */
  setLimits(limits: QueueLimits, heldPools: ReadonlySet<string>): void {
    this.#limits = limits
    this.#held = heldPools
  }

  add(entry: QueueEntry): void {
    this.#queued++
    this.#insert(entry)
  }

  /** False when it is not waiting (any more). */
  remove(entry: QueueEntry): boolean {
    const lists = [this.#groups.get(groupKey(entry))?.entries, this.#behindVm.get(entry.vm)]
    for (const list of lists) {
      const at = list?.findIndex(({ id }) => id === entry.id) ?? -1
      if (at < 0) continue
      list?.splice(at, 1)
      this.#queued--
      this.#tidy(entry)
      return true
    }
    return false
  }

  /** An entry that begun has ended. */
  finish(id: string): void {
    const entry = this.#underWay.get(id)
    if (entry === undefined) return
    this.#underWay.delete(id)
    for (const resource of resourcesOf(entry)) this.#use(resource, -1)
    this.#passOn(entry.vm)
    this.#forgetIdleJobs()
  }

  isBusy(vm: string): boolean {
    return this.#busyVms.has(vm)
  }

  /**
   * Keeps entries of a VM from beginning, for something that is none and takes nothing of the limits, until `free`. `onFree` is called when it
   * has the VM: at once when nothing of it is under way, else before any entry that waits.
   */
  reserve(vm: string, onFree: () => void): void {
    if (!this.#busyVms.has(vm)) {
      this.#busyVms.add(vm)
      onFree()
      return
    }
    const waiting = this.#reserving.get(vm)
    if (waiting === undefined) this.#reserving.set(vm, [onFree])
    else waiting.push(onFree)
  }

  /** False when it does not wait (any more). */
  unreserve(vm: string, onFree: () => void): boolean {
    const waiting = this.#reserving.get(vm) ?? []
    const at = waiting.indexOf(onFree)
    if (at < 0) return false
    waiting.splice(at, 1)
    return true
  }

  /** A VM that was reserved is free for entries again, or for the next who reserved it. */
  free(vm: string): void {
    this.#passOn(vm)
  }

  #passOn(vm: string): void {
    const next = this.#reserving.get(vm)?.shift()
    if (next !== undefined) {
      next()
      return
    }
    this.#reserving.delete(vm)
    this.#busyVms.delete(vm)
    const waiting = this.#behindVm.get(vm) ?? []
    this.#behindVm.delete(vm)
    for (const each of waiting) this.#insert(each)
  }

  /** Those that begin now; they are under way until `finish`. */
  takeReady(): QueueEntry[] {
    const out: QueueEntry[] = []
    for (let next = this.#takeOne(); next !== undefined; next = this.#takeOne()) out.push(next)
    return out
  }

  /** Undefined: nothing, it can begin. */
  obstacleOf(entry: QueueEntry): Obstacle | undefined {
    if (this.#busyVms.has(entry.vm)) return { kind: 'vm' }
    const held = entry.pools.find((pool) => this.#held.has(pool))
    if (held !== undefined) return { kind: 'held-pool', id: held }
    return this.#fullResource(entry, NOTHING_KEPT)
  }

  #insert(entry: QueueEntry): void {
    if (this.#busyVms.has(entry.vm)) {
      const list = this.#behindVm.get(entry.vm)
      if (list === undefined) this.#behindVm.set(entry.vm, [entry])
      else list.push(entry)
      return
    }
    const key = groupKey(entry)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { job: entry.job, entries: [], order: this.#order++, overtaken: 0 }
      this.#groups.set(key, group)
      // A job that was idle does not get back the turns that it did not need.
      const least = Math.min(...[...this.#groups.values()].filter((each) => each !== group).map(({ job }) => this.#served.get(job) ?? 0))
      this.#served.set(entry.job, Math.max(this.#served.get(entry.job) ?? 0, Number.isFinite(least) ? least : 0))
    }
    group.entries.push(entry)
  }

  #takeOne(): QueueEntry | undefined {
    const turn = ({ job }: Group) => this.#served.get(job) ?? 0
    const groups = [...this.#groups].sort(([, a], [, b]) => turn(a) - turn(b) || a.order - b.order)
    const kept = new Map<string, number>()
    const passed: Group[] = []
    for (const [key, group] of groups) {
      this.#setAsideBusy(group)
      const entry = group.entries[0]
      if (entry === undefined) {
        this.#groups.delete(key)
        continue
      }
      if (entry.pools.some((pool) => this.#held.has(pool))) continue
      if (this.#fullResource(entry, kept) === undefined) {
        for (const each of passed) if (sharesResource(each.entries[0] as QueueEntry, entry)) each.overtaken++
        this.#begin(group, entry)
        return entry
      }
      passed.push(group)
      if (group.overtaken >= PATIENCE) keep(kept, entry)
    }
    return undefined
  }

  /** Entries at the head whose VM is under way wait behind it, and do not hold up the rest of the group. */
  #setAsideBusy(group: Group): void {
    for (let head = group.entries[0]; head !== undefined && this.#busyVms.has(head.vm); head = group.entries[0]) {
      group.entries.shift()
      this.#insert(head)
    }
  }

  #begin(group: Group, entry: QueueEntry): void {
    group.entries.shift()
    group.overtaken = 0
    this.#queued--
    this.#underWay.set(entry.id, entry)
    this.#busyVms.add(entry.vm)
    this.#served.set(entry.job, (this.#served.get(entry.job) ?? 0) + 1)
    for (const resource of resourcesOf(entry)) this.#use(resource, 1)
    this.#tidy(entry)
  }

  #tidy(entry: QueueEntry): void {
    const key = groupKey(entry)
    if (this.#groups.get(key)?.entries.length === 0) this.#groups.delete(key)
    if (this.#behindVm.get(entry.vm)?.length === 0) this.#behindVm.delete(entry.vm)
  }

  /** Turns are compared among jobs that wait: when none does, the count begins anew. */
  #forgetIdleJobs(): void {
    if (this.#queued === 0) this.#served.clear()
  }

  #fullResource(entry: QueueEntry, kept: ReadonlyMap<string, number>): Obstacle | undefined {
    for (const { key, obstacle, limit } of resourcesOf(entry)) {
      const most = limit ?? this.#limits[obstacle.kind as keyof QueueLimits]
      if ((this.#inUse.get(key) ?? 0) + (kept.get(key) ?? 0) >= Math.max(1, most)) return obstacle
    }
    return undefined
  }

  #use({ key }: Resource, change: number): void {
    const now = (this.#inUse.get(key) ?? 0) + change
    if (now === 0) this.#inUse.delete(key)
    else this.#inUse.set(key, now)
  }
}

const NOTHING_KEPT: ReadonlyMap<string, number> = new Map()

function keep(kept: Map<string, number>, entry: QueueEntry): void {
  for (const { key } of resourcesOf(entry)) kept.set(key, (kept.get(key) ?? 0) + 1)
}

interface Resource {
  readonly key: string
  readonly obstacle: Obstacle
  /** Undefined: the queue's own limit of this kind. */
  readonly limit?: number
}

function resourcesOf({ run, runLimit, pools, srs }: QueueEntry): Resource[] {
  return [
    { key: 'server', obstacle: { kind: 'server' } },
    ...[...new Set(pools)].map((id) => ({ key: `pool ${id}`, obstacle: { kind: 'pool', id } as const })),
    ...[...new Set(srs)].map((id) => ({ key: `sr ${id}`, obstacle: { kind: 'sr', id } as const })),
    { key: `run ${run}`, obstacle: { kind: 'run' }, limit: runLimit },
  ]
}

const groupKey = ({ run, pools, srs }: QueueEntry) => JSON.stringify([run, pools, srs])

function sharesResource(one: QueueEntry, other: QueueEntry): boolean {
  const keys = new Set(resourcesOf(one).map(({ key }) => key))
  keys.delete('server')
  return resourcesOf(other).some(({ key }) => keys.has(key))
}
