/** What a run does on the source, once for all its targets: tidying up, one snapshot, one reading of each disk, and what stays of it. */
import type { Reason } from '../core/base.ts'
import { type MergedRemoval, mergeRemovals, trackedStay } from '../core/claims.ts'
import { MARK, readSnapshottingMarks, withoutMarks } from '../core/marks.ts'
import { memoryNotPossible } from '../core/memory.ts'
import type { Removal } from '../core/removals.ts'
import type { Ref } from '../xapi/ref.ts'
import { DiskReading } from './disk-reading.ts'
import type { Inspected } from './inspect-source.ts'
import { blockMigration, unblockMigration } from './migration-block.ts'
import type { Want } from './open-for-all.ts'
import { disksOf, findByUuid, type PoolView } from './pool-view.ts'
import type { PreparedRun } from './prepare-run.ts'
import { removeAll } from './prune.ts'
import type { RunContext } from './session.ts'
import {
  confirmSnapshot,
  dropSnapshotVm,
  enableTracking,
  goOn,
  readSnapshot,
  type SourceSnapshot,
  takeCheckpoint,
  takeSnapshot,
  whileMarked,
} from './source-snapshot.ts'
import { digestWhole, type VerifiedDisk, type WholeDigest } from './verify.ts'

/** One target, as far as the source has to know it. */
export interface SourceTaker {
  /** uuid of the target SR */
  readonly sr: string
  readonly prepared: PreparedRun
}

/** How it ended for one target. */
export interface TakerOutcome extends SourceTaker {
  /**
   * `committed`: it has its restore point; `unsure`: it may have it, or goes on from what is in place: the snapshot stays as it is;
   * `gone`: nothing needs the snapshot for its sake.
   */
  readonly end: 'committed' | 'unsure' | 'gone'
  /** Of a committed one: deltas since its last full copy. */
  readonly chainLength: number
  /** Of a committed one: its next delta can be read without the snapshot's data. */
  readonly reducible: boolean
}

interface WholeReading {
  readonly digest: Promise<WholeDigest>
  readonly watching: Set<(bytesDone: number) => void>
}

export class SourceSide {
  readonly #context: RunContext
  readonly #vm: Inspected
  readonly #view: PoolView
  readonly #readings = new Map<string, DiskReading>()
  readonly #whole = new Map<string, WholeReading>()
  #blocked: readonly string[] = []
  #snapshot: SourceSnapshot | undefined
  #checkpointing = false
  /** For the reports of all targets. */
  readonly warnings: Reason[] = []
  readonly removed: MergedRemoval[] = []

  /** @param context one that ends when no target is left */
  constructor(context: RunContext, { source, views }: PreparedRun) {
    this.#context = context
    this.#vm = source
    this.#view = views.source
  }

  /** Bytes read to transfer, for all targets together. */
  get bytesRead(): number {
    return [...this.#readings.values()].reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  }

  async clean(takers: readonly SourceTaker[]): Promise<void> {
    if (MARK.checkpoint in this.#vm.record.other_config) await this.#letGoOn(this.#context.signal)
    await this.#remove(takers, 'before')
    await this.#cleanMarks()
  }

  async #remove(takers: readonly SourceTaker[], when: Removal['when']): Promise<void> {
    const removals = removalsOf(takers).filter((removal) => removal.when === when)
    const { done, warnings } = await removeAll(this.#context, this.#context.source, this.#view, removals)
    this.removed.push(...done)
    this.warnings.push(...warnings)
  }

  /** Marks that a revert brought back onto the live VM or its disks would be inherited by every snapshot that a user takes. */
  async #cleanMarks(): Promise<void> {
    const { source, signal } = this.#context
    const { ref, record } = this.#vm
    const marked = (config: Readonly<Record<string, string>>) =>
      MARK.job in config ||
      MARK.run in config ||
      MARK.exported in config ||
      readSnapshottingMarks(config).some(({ job }) => job === this.#context.ids.job)
    const calls: Promise<unknown>[] = []
    // One by one: somebody else may change other keys in the same moment.
    const clean = (className: 'VM' | 'VDI', object: string, config: Readonly<Record<string, string>>) => {
      const kept = withoutMarks(config)
      for (const key of Object.keys(config).filter((candidate) => !(candidate in kept) && candidate !== MARK.replica)) {
        calls.push(source.call(`${className}.remove_from_other_config`, [object, key], { signal }))
      }
    }
    if (marked(record.other_config)) clean('VM', ref, record.other_config)
    for (const disk of disksOf(this.#view, record)) {
      const config = disk.record.other_config
      if (marked(config)) clean('VDI', disk.ref, config)
    }
    await Promise.all(calls)
  }

  async blockMigration(): Promise<void> {
    this.#blocked = await blockMigration(this.#context, this.#vm.ref, this.#vm.record)
  }

  /** Gives back what was blocked. Never throws: a failure is a warning, and is tried once more when it is called again. */
  async unblockMigration(): Promise<void> {
    if (this.#blocked.length === 0) return
    try {
      await unblockMigration(this.#context.source, this.#vm.ref, this.#blocked)
      this.#blocked = []
    } catch (error) {
      if (this.warnings.some(({ code }) => code === 'migration-still-blocked')) return
      const text = `migration of the source VM could not be allowed again: ${(error as Error).message}`
      this.warnings.push({ code: 'migration-still-blocked', text, avoid: 'the next run gives it back' })
    }
  }

  /** The snapshot that every target is brought up to: a new one, or that of the interrupted run which all of them take up again. */
  async takeSnapshot(takers: readonly SourceTaker[]): Promise<SourceSnapshot> {
    const plans = takers.map(({ prepared }) => prepared.plan)
    const resume = plans[0]?.resume
    if (resume !== undefined) {
      const [ref] = findByUuid(this.#view.VM, resume.snapshot) as [Ref<'VM'>, unknown]
      this.#snapshot = await readSnapshot(this.#context, ref)
      this.#context.log(`going on with the snapshot of ${new Date(this.#snapshot.takenAt).toISOString()}, whose transfer was interrupted`)
    } else {
      const live = disksOf(this.#view, this.#vm.record)
      const wanted = new Set(plans.flatMap(({ disks }) => disks.filter(({ mode }) => mode !== 'skipped').map((disk) => disk.source)))
      const sent = live.filter(({ record }) => wanted.has(record.uuid))
      for (const { vdi, code } of await enableTracking(this.#context, sent)) {
        const disk = live.find(({ ref }) => ref === vdi)
        this.warnings.push({
          code: 'not-trackable',
          text: `disk ${disk?.vbdRecord.userdevice} can't be tracked (${code}): each run has to find its changes by an export`,
        })
      }
      const ignore = live.filter(({ record }) => !wanted.has(record.uuid)).map(({ ref }) => ref)
      const srs = takers.map(({ sr }) => sr)
      const asked = plans.some(({ memory }) => memory?.kind === 'carry')
      const take = async () =>
        (asked ? await this.#checkpoint(srs) : undefined) ?? (await takeSnapshot(this.#context, this.#vm.ref, srs, ignore))
      this.#snapshot = await whileMarked(
        this.#context,
        sent.map(({ ref }) => ref),
        srs,
        take,
      )
    }
    const lacking = plans.some(({ memory }) => memory?.kind === 'carry') && this.#snapshot.memory === undefined
    if (lacking && !this.warnings.some(({ code }) => code === 'memory-not-possible')) {
      const why = resume === undefined ? 'the checkpoint holds none' : 'the interrupted run that is taken up again was without'
      this.warnings.push(memoryNotPossible(why))
    }
    this.#shareReadings(this.#snapshot, takers)
    return this.#snapshot
  }

  async #letGoOn(signal: AbortSignal): Promise<void> {
    this.warnings.push(...(await goOn({ source: this.#context.source, signal }, this.#vm.ref)))
    this.#checkpointing = false
  }

  /** A run that failed in the middle of a checkpoint leaves no VM suspended, as far as its pool answers. Never throws. */
  async releaseVm(): Promise<void> {
    if (!this.#checkpointing) return
    await this.#letGoOn(AbortSignal.timeout(60_000)).catch((error: Error) =>
      this.#context.log(`whether the VM still runs could not be seen to, the next run does: ${error.message}`),
    )
  }

  async #checkpoint(srs: readonly string[]): Promise<SourceSnapshot | undefined> {
    this.#checkpointing = this.#vm.record.power_state === 'Running'
    const taken = await takeCheckpoint(this.#context, this.#vm.ref, srs)
    this.#checkpointing = false
    if (!('kind' in taken)) return taken
    this.warnings.push(...taken.warnings)
    return undefined
  }

  #shareReadings(snapshot: SourceSnapshot, takers: readonly SourceTaker[]): void {
    for (const live of disksOf(this.#view, this.#vm.record)) {
      const disk = snapshot.disks.find(({ of }) => of === live.ref)
      if (disk === undefined) continue
      const { uuid, sm_config: config } = live.record
      const wanting = takers.filter(({ prepared }) => prepared.plan.disks.some(({ mode, source }) => mode !== 'skipped' && source === uuid))
      const srs = wanting.map(({ sr }) => sr)
      this.#readings.set(uuid, new DiskReading(this.#context, { ...disk, imageFormat: config['image-format'] }, srs))
    }
    const { memory } = snapshot
    const srs = takers.filter(({ prepared }) => prepared.plan.memory?.kind === 'carry').map(({ sr }) => sr)
    if (memory !== undefined) this.#readings.set(memory.uuid, new DiskReading(this.#context, { ...memory, cbt: false }, srs))
  }

  /** Opens a disk for one target, once all targets that want it are ready for it. @param disk uuid of the live disk */
  open(sr: string, disk: string, want: Want) {
    const reading = this.#readings.get(disk)
    if (reading === undefined) throw new Error(`disk ${disk} is not part of the snapshot`)
    return reading.join(sr, want)
  }

  /** What a disk of the snapshot holds, read whole, once for all targets. */
  async readWhole(disk: VerifiedDisk & { readonly uuid: string }, onProgress: (bytesDone: number) => void): Promise<WholeDigest> {
    const reading = this.#whole.get(disk.uuid) ?? this.#startWhole(disk)
    reading.watching.add(onProgress)
    try {
      return await reading.digest
    } finally {
      reading.watching.delete(onProgress)
    }
  }

  #startWhole(disk: VerifiedDisk & { readonly uuid: string }): WholeReading {
    const watching = new Set<(bytesDone: number) => void>()
    const digest = digestWhole(this.#context, this.#context.source, disk, (bytesDone) => {
      for (const told of watching) told(bytesDone)
    })
    // Each target looks at it; one that has given up does not.
    digest.catch(() => undefined)
    const reading = { digest, watching }
    this.#whole.set(disk.uuid, reading)
    return reading
  }

  /** A target has given up: the others need not wait for it. */
  leave(sr: string): void {
    for (const reading of this.#readings.values()) reading.leave(sr)
  }

  /** What becomes of the snapshot and of those before it, once every target has ended. Throws only when the run was cancelled. */
  async settle(outcomes: readonly TakerOutcome[]): Promise<void> {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return
    const committed = outcomes.filter(({ end }) => end === 'committed')
    const unsure = outcomes.filter(({ end }) => end === 'unsure')
    const outsiders = this.#outsiders(outcomes)
    if (committed.length === 0) {
      if (unsure.length > 0 || outsiders) return
      await dropSnapshotVm(this.#context, snapshot.ref).catch((error: Error) =>
        this.#context.log(`could not clean up now, the next run will: ${error.message}`),
      )
      return
    }
    if (unsure.length > 0 || outsiders) {
      // Its name goes on saying whose it is; it is the base of those that have it, and what the others go on from.
      const text = 'the source snapshot keeps its data until the next run: a target whose transfer was interrupted goes on from it'
      this.warnings.push({ code: 'snapshot-kept', text })
    } else {
      const srs = committed.map(({ sr }) => sr) as [string, ...string[]]
      const chainLength = Math.max(...committed.map((outcome) => outcome.chainLength))
      try {
        await confirmSnapshot(this.#context, snapshot, srs, chainLength, this.#mayReduce(committed))
      } catch (error) {
        this.#context.signal.throwIfAborted()
        const text = `the source snapshot could not be reduced to its record of changes: ${(error as Error).message}`
        this.warnings.push({ code: 'not-reduced', text })
      }
    }
    await this.#remove(committed, 'after')
  }

  /** Whether chains that take no part in this run have a claim on the snapshot that it took up again. */
  #outsiders(outcomes: readonly TakerOutcome[]): boolean {
    return outcomes.some(({ prepared }) => {
      const { snapshots } = prepared.source.facts
      const resumed = snapshots.find(({ uuid }) => uuid === prepared.plan.resume?.snapshot)
      return resumed?.alsoFor?.some((sr) => !outcomes.some((outcome) => outcome.sr === sr)) ?? false
    })
  }

  /**
   * A record of changes can be removed only while nobody's tracked snapshot is older (a file SR breaks the chain of logs otherwise); a
   * snapshot with its data can be removed anywhere. So where an older one stays, the data is kept until the next run.
   */
  #mayReduce(committed: readonly TakerOutcome[]): boolean {
    const facts = committed.map(({ prepared }) => prepared.source.facts)
    const shared = committed.some(({ prepared }) => prepared.plan.keepSourceData === true) || trackedStay(facts, removalsOf(committed))
    if (shared) {
      const who = 'another job, another target or a snapshot taken by hand'
      const text = `the source snapshot keeps its data until the next run: ${who} tracks changes of the same disk`
      this.warnings.push({ code: 'snapshot-kept', text })
    }
    return !shared && committed.every(({ reducible }) => reducible)
  }
}

function removalsOf(takers: readonly SourceTaker[]): MergedRemoval[] {
  return mergeRemovals(takers.map(({ sr, prepared }) => ({ sr, removals: prepared.plan.removals.filter(({ side }) => side === 'source') })))
}
