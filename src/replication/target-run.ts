/** What a run does for one target: the replica, its disks, verification, the restore point, and what is tidied up there. */
import type { Reason } from '../core/base.ts'
import { mergeRemovals } from '../core/claims.ts'
import { Failure } from '../core/failure.ts'
import type { DiskPlan, SentDiskPlan } from '../core/plan.ts'
import type { Removal } from '../core/removals.ts'
import type { RunReport, RunStage } from '../core/report.ts'
import type { Ref } from '../xapi/ref.ts'
import { type Carrying, carryDisk } from './carry-disk.ts'
import { type CommittedPoint, commitRestorePoint, mayBeCommitted } from './commit.ts'
import { destroyDisk } from './destroy.ts'
import { digestOf, memoryDigestOf, type SentDisk } from './disk-report.ts'
import { explainFailure, isInterruption } from './explain.ts'
import { inParallel } from './in-parallel.ts'
import { carryMemory, type SentMemory, warnOfCpu } from './memory-image.ts'
import { mendTarget } from './mend.ts'
import { drivesOf, findByUuid } from './pool-view.ts'
import { type PreparedRun, type RunOptions, stageOf } from './prepare-run.ts'
import { removeAll } from './prune.ts'
import { createReplica, type ReplicaVm, refreshReplica, removeReplica } from './replica-vm.ts'
import { type CommonPart, reportOf } from './run-report.ts'
import type { RunContext } from './session.ts'
import type { SourceSide, TakerOutcome } from './source-side.ts'
import type { SourceSnapshot } from './source-snapshot.ts'
import { verifySent, verifyWhole } from './verify.ts'
import { carryVtpm } from './vtpm.ts'

export class TargetRun {
  readonly #context: RunContext
  readonly #options: RunOptions
  readonly #stage: (stage: RunStage) => void
  readonly #warnings: Reason[]
  readonly #removed: Removal[] = []
  readonly sr: string
  readonly prepared: PreparedRun
  #replica: ReplicaVm | undefined
  #made: Ref<'VDI'>[] = []
  /** The disk that was made for the memory. */
  #image: Ref<'VDI'> | undefined
  #memory: SentMemory | undefined
  #committing = false
  #checkpoints = 0
  #point: CommittedPoint | undefined
  #takenAt = 0
  #sent: readonly SentDisk[] = []
  #endedAt: Date | undefined
  #end: TakerOutcome['end'] = 'gone'
  failure: { readonly error: unknown } | undefined

  constructor(context: RunContext, options: RunOptions, prepared: PreparedRun) {
    this.#context = context
    this.#options = options
    this.sr = context.ids.sr
    this.prepared = prepared
    this.#stage = stageOf(options)
    this.#warnings = [...prepared.plan.warnings]
    for (const [side, xapi] of [['source', context.source] as const, ['target', context.target] as const]) {
      if (context.transportOf?.(xapi) !== 'clear') continue
      const text = `disks of the ${side} are read in clear text: whoever sees that network can read them, and act with the session that reads them`
      this.#warnings.push({ code: 'nbd-in-clear-text', text, avoid: 'give the network the purpose "nbd" instead of "insecure_nbd"' })
    }
  }

  /** Takes left-overs away and finishes what a killed run could not. */
  async clean(): Promise<void> {
    this.#stage('clean')
    await Promise.all([this.#remove('before'), mendTarget(this.#context, this.prepared.views.target, this.prepared.target)])
  }

  async #remove(when: Removal['when']): Promise<void> {
    const { plan, views } = this.prepared
    const removals = mergeRemovals([{ sr: this.sr, removals: plan.removals }]).filter(
      (removal) => removal.side === 'target' && removal.when === when,
    )
    const { done, warnings } = await removeAll(this.#context, this.#context.target, views.target, removals)
    this.#removed.push(...done)
    this.#warnings.push(...warnings)
  }

  /** Brings the replica up to the snapshot and makes the restore point. */
  async carry(snapshot: SourceSnapshot, source: SourceSide): Promise<void> {
    this.#takenAt = snapshot.takenAt
    const replica = await this.#readyReplica(snapshot)
    this.#stage('transfer')
    const carrying = this.#carrying(snapshot, replica, source)
    const sent = await this.#transferAll(carrying)
    this.#sent = sent
    this.#memory = await this.#carryMemory(carrying)
    await this.#verifyAll(source, [...sent, ...(this.#memory ? [this.#memory] : [])])
    this.#stage('commit')
    await this.#dropDisks(sent)
    await this.#commit(snapshot, replica, sent)
    this.#end = 'committed'
    // The restore point stands: nothing from here on may fail the run.
    this.#stage('prune')
    await this.#remove('after')
    this.#endedAt = new Date()
  }

  /** Notes that the run has failed, and takes back what it made here, unless the next run goes on from it. */
  async fail(error: unknown): Promise<void> {
    const explained = await explainFailure(error, this.#context, this.prepared)
    this.failure = { error: explained }
    await this.#undo(isInterruption(error) && !(explained instanceof Failure && explained.code === 'TARGET_SR_FULL'))
  }

  outcome(): TakerOutcome {
    const bases = this.#sent.flatMap(({ plan, result }) =>
      result.mode === 'delta' && plan.choice.kind === 'delta' ? [plan.choice.base.marks.chainLength ?? 0] : [],
    )
    return {
      sr: this.sr,
      prepared: this.prepared,
      end: this.#end,
      chainLength: bases.length === 0 ? 0 : Math.max(...bases) + 1,
      reducible: this.#sent.every(({ result }) => result.reducible),
    }
  }

  tellStage(stage: RunStage): void {
    this.#stage(stage)
  }

  async #readyReplica(snapshot: SourceSnapshot): Promise<ReplicaVm> {
    const { target, views, plan, source } = this.prepared
    const parts = { vifs: plan.vifs, cds: drivesOf(views.source, source.record), view: views.target }
    // The snapshot's record is the source's configuration at that instant; its name is the snapshot's.
    const config = {
      ...snapshot.record,
      name_label: source.record.name_label,
      order: source.record.order,
      start_delay: source.record.start_delay,
      shutdown_delay: source.record.shutdown_delay,
    }
    this.#replica =
      target.replica === undefined
        ? await createReplica(this.#context, config, parts)
        : await refreshReplica(this.#context, config, target.replica, parts)
    const vtpms = target.replica?.record.VTPMs ?? []
    const withoutVtpm = await carryVtpm(this.#context, snapshot.record, { ref: this.#replica.ref, vtpms })
    if (withoutVtpm !== undefined) this.#warnings.push(withoutVtpm)
    return this.#replica
  }

  #carrying(snapshot: SourceSnapshot, replica: ReplicaVm, side: SourceSide): Carrying {
    return {
      options: this.#options,
      prepared: this.prepared,
      snapshot,
      replica,
      side,
      onProgress: (...told) => this.#progress(...told),
      onCheckpoint: () => this.#checkpoints++,
      onMade: (disk) => this.#made.push(disk),
    }
  }

  async #transferAll(carrying: Carrying): Promise<SentDisk[]> {
    const plans = this.prepared.plan.disks.filter((disk): disk is SentDiskPlan => disk.mode !== 'skipped')
    return inParallel(plans, this.#options.disksAtOnce ?? 4, this.#context, (context, plan) => carryDisk(context, carrying, plan))
  }

  /** After the disks: where it fails, what they have is in place. */
  async #carryMemory(carrying: Carrying): Promise<SentMemory | undefined> {
    const { memory, record } = carrying.snapshot
    if (memory === undefined || this.prepared.plan.memory?.kind !== 'carry') return undefined
    const warning = await warnOfCpu(this.#context, memory, record.domain_type)
    if (warning !== undefined) this.#warnings.push(warning)
    return carryMemory(this.#context, { ...carrying, onCheckpoint: () => undefined, onMade: (disk) => (this.#image = disk) }, memory)
  }

  #progress(what: 'transfer' | 'verify', plan: DiskPlan, bytesDone: number, bytesExpected: number | undefined): void {
    this.#options.onEvent?.({ kind: 'disk', userdevice: plan.userdevice, name: plan.name, bytesDone, bytesExpected, what })
  }

  async #verifyAll(side: SourceSide, sent: readonly SentDisk[]): Promise<void> {
    const mode = this.#options.verify
    if (mode === 'off') return
    this.#stage('verify')
    await inParallel(sent, this.#options.disksAtOnce ?? 4, this.#context, async (context, disk) => {
      const onProgress = (done: number, expected: number) => this.#progress('verify', disk.plan, done, expected)
      // What was not sent is what was proven before; only a full comparison looks at it again.
      const { choice } = disk.plan
      // A resumed first copy has parts that an earlier run sent, and no restore point that would prove them.
      const whole = mode === 'full' || (mode === 'changed' && choice.kind === 'full' && choice.landing.kind === 'resume')
      if (!whole && disk.result.bytesWritten === 0) return
      const { ref } = disk.result.disk
      const target = { ref, size: await context.target.call<number>('VDI.get_virtual_size', [ref], { signal: context.signal }) }
      if (whole) {
        const source = { xapi: context.source, disk: disk.snapshot }
        disk.verify = await verifyWhole(context, source, { xapi: context.target, disk: target }, onProgress, (told) =>
          side.readWhole(disk.snapshot, told),
        )
      } else if (disk.record !== undefined) {
        disk.verify = await verifySent(context, context.target, target, disk.record, mode, onProgress)
      }
    })
  }

  /** Takes disks off the replica that the source no longer has; restore points that hold them keep them. */
  async #dropDisks(sent: readonly SentDisk[]): Promise<void> {
    const { target, signal, log } = this.#context
    const { plan, views } = this.prepared
    const used = new Set(sent.map(({ plan: { userdevice } }) => userdevice))
    for (const { uuid, userdevice, reason } of plan.dropDisks) {
      // What hung where a disk of this run now hangs went when that was attached.
      if (used.has(userdevice)) continue
      const ref = findByUuid(views.target.VDI, uuid)?.[0]
      if (ref === undefined) continue
      // Its place on the replica goes with it.
      await destroyDisk(target, ref, signal)
      log(`took disk ${userdevice} off the replica: ${reason}`)
    }
  }

  async #commit(snapshot: SourceSnapshot, replica: ReplicaVm, sent: readonly SentDisk[]): Promise<void> {
    this.#context.signal.throwIfAborted()
    const { source, target } = this.prepared
    const generation = Math.max(0, ...target.facts.restorePoints.map((point) => point.generation)) + 1
    const time = new Date(snapshot.takenAt).toISOString().slice(0, 16).replace('T', ' ')
    this.#committing = true
    this.#point = await commitRestorePoint(this.#context, {
      replica,
      name: source.record.name_label,
      takenAt: snapshot.takenAt,
      generation,
      copyOf: snapshot.record.uuid,
      disks: sent.map(({ plan, snapshot: disk, result, verify }) => ({
        userdevice: plan.userdevice,
        disk: result.disk,
        copyOf: disk.uuid,
        digest: digestOf(disk.size, verify),
      })),
      memory: this.#memory && { disk: this.#memory.result.disk, digest: memoryDigestOf(this.#memory) },
      description: `Replica of "${source.record.name_label}" (${source.record.uuid}) kept by Understudy. Newest restore point: ${time} UTC`,
    })
  }

  /** Takes back what this run made. The replica's disk stays marked as being written: the next plan knows what to do with it. */
  async #undo(interrupted: boolean): Promise<void> {
    if (this.#point !== undefined) {
      this.#end = 'committed'
      return
    }
    const { log, signal } = this.#context
    this.#end = 'unsure'
    // What this run made may be another's by now: to take up, or to clear away.
    if (await this.#isSuperseded()) return
    if (!signal.aborted && this.#mayGoOn() && interrupted) {
      await this.#dropImage()
      log('what is in place on the target is kept, and the source snapshot with it: the next run goes on from there')
      return
    }
    if (this.#committing && this.#replica !== undefined && (await mayBeCommitted(this.#context, this.#replica.ref))) {
      log('the restore point may exist although the run failed: nothing is taken back, the next run goes on from there')
      return
    }
    this.#end = 'gone'
    await this.#dropImage()
    if (!this.#replica?.created) return
    await removeReplica(this.#context, this.#replica, this.#made).catch((error: Error) =>
      log(`could not clean up now, the next run will: ${error.message}`),
    )
  }

  /** Memory is sent whole in any case. What can't be removed now, the next run finds. */
  async #dropImage(): Promise<void> {
    if (this.#image === undefined) return
    await destroyDisk(this.#context.target, this.#image, AbortSignal.timeout(60_000)).catch((error: Error) =>
      this.#context.log(`could not remove the memory now, the next run will: ${error.message}`),
    )
  }

  async #isSuperseded(): Promise<boolean> {
    try {
      await this.#options.stillHeld?.()
      return false
    } catch (error) {
      return error instanceof Failure && error.code === 'RUN_SUPERSEDED'
    }
  }

  /** Whether a finished segment is worth keeping, one of this run or of the interrupted one that it took up. */
  #mayGoOn(): boolean {
    return this.#checkpoints > 0 || this.prepared.plan.resume !== undefined
  }

  /** Of a run that succeeded. */
  report(startedAt: Date, common: CommonPart): RunReport {
    const [replica, point] = [this.#replica, this.#point]
    if (replica === undefined || point === undefined) throw new Error('a report of a run that made no restore point')
    return reportOf(
      this.#context,
      this.prepared,
      startedAt,
      {
        replica,
        point,
        takenAt: this.#takenAt,
        sent: this.#sent,
        memory: this.#memory,
        removed: this.#removed,
        warnings: this.#warnings,
        endedAt: this.#endedAt,
      },
      common,
    )
  }
}
