/** One VM run: inspect, plan, clean, snapshot, transfer, verify, commit, prune. State is on the pools; nothing here outlives the run. */
import type { Extent } from '../block/block.ts'
import { DIGEST_GRANULE } from '../block/content-digest.ts'
import type { Reason } from '../core/base.ts'
import { Failure } from '../core/failure.ts'
import { MARK, withoutMarks } from '../core/marks.ts'
import type { DiskPlan, SentDiskPlan } from '../core/plan.ts'
import type { RunReport, RunStage } from '../core/report.ts'
import type { Ref } from '../xapi/ref.ts'
import { listChanges } from './block-source.ts'
import { type CommittedPoint, commitRestorePoint, mayBeCommitted } from './commit.ts'
import { destroyDisk, whenDetached } from './destroy.ts'
import { digestOf, diskReport, type SentDisk } from './disk-report.ts'
import { explainFailure, isInterruption } from './explain.ts'
import { inParallel } from './in-parallel.ts'
import type { Inspected } from './inspect-source.ts'
import { mendTarget } from './mend.ts'
import { blockMigration, unblockMigration } from './migration-block.ts'
import { nbdTransport } from './nbd-transport.ts'
import { type AttachedDisk, disksOf, findByUuid, type PoolView } from './pool-view.ts'
import { type PreparedRun, type RunOptions, stageOf } from './prepare-run.ts'
import { removeAll } from './prune.ts'
import { createReplica, type ReplicaVm, refreshReplica, removeReplica, type SourceCd } from './replica-vm.ts'
import { createSentRecord, sampler } from './sent-record.ts'
import type { RunContext } from './session.ts'
import {
  confirmSnapshot,
  dropSnapshotVm,
  enableTracking,
  readSnapshot,
  type SnapshotDisk,
  type SourceSnapshot,
  takeSnapshot,
} from './source-snapshot.ts'
import { checkpoint, prepareTargetDisk, type TargetDisk } from './target-disk.ts'
import { transferDisk } from './transfer.ts'
import { SAMPLES, verifySent, verifyWhole } from './verify.ts'
import { carryVtpm } from './vtpm.ts'

export { type PreparedRun, prepareRun, type RunOptions } from './prepare-run.ts'

/** Runs a prepared plan. On failure nothing is left behind but what the next run continues; throws Failure, or the signal's reason. */
export async function executeRun(options: RunOptions, prepared: PreparedRun, startedAt: Date): Promise<RunReport> {
  const allowed = options.allowInsecureNbd ?? false
  const transports = {
    source: nbdTransport(prepared.views.source.network, allowed),
    target: nbdTransport(prepared.views.target.network, allowed),
  }
  const context: RunContext = {
    ids: options.ids,
    source: options.source,
    target: options.target,
    signal: options.signal,
    budget: options.budget,
    leastSegment: options.leastSegment,
    transportOf: (xapi) => transports[xapi === options.source ? 'source' : 'target'],
    stillHeld: options.stillHeld,
    log: (message) => options.onEvent?.({ kind: 'log', message }),
  }
  return new VmRun(context, options, prepared, startedAt).run()
}

class VmRun {
  readonly #context: RunContext
  readonly #options: RunOptions
  readonly #prepared: PreparedRun
  readonly #startedAt: Date
  readonly #stage: (stage: RunStage) => void
  readonly #warnings: Reason[]
  #snapshot: SourceSnapshot | undefined
  #replica: ReplicaVm | undefined
  #made: Ref<'VDI'>[] = []
  #committing = false
  #checkpoints = 0
  #point: CommittedPoint | undefined

  constructor(context: RunContext, options: RunOptions, prepared: PreparedRun, startedAt: Date) {
    this.#context = context
    this.#options = options
    this.#prepared = prepared
    this.#startedAt = startedAt
    this.#stage = stageOf(options)
    this.#warnings = [...prepared.plan.warnings]
    for (const [side, xapi] of [['source', context.source] as const, ['target', context.target] as const]) {
      if (context.transportOf?.(xapi) !== 'clear') continue
      const text = `disks of the ${side} are read in clear text: whoever sees that network can read them, and act with the session that reads them`
      this.#warnings.push({ code: 'nbd-in-clear-text', text, avoid: 'give the network the purpose "nbd" instead of "insecure_nbd"' })
    }
  }

  async run(): Promise<RunReport> {
    const { source } = this.#prepared
    let blocked: readonly string[] = []
    try {
      this.#stage('clean')
      const removedBefore = await this.#remove('before')
      await Promise.all([this.#cleanSource(), mendTarget(this.#context, this.#prepared.views.target, this.#prepared.target)])
      blocked = await blockMigration(this.#context, source.ref, source.record)
      this.#stage('snapshot')
      const snapshot = await this.#takeSnapshot()
      const replica = await this.#readyReplica(snapshot)
      this.#stage('transfer')
      const sent = await this.#transferAll(snapshot, replica)
      await this.#verifyAll(sent)
      this.#stage('commit')
      await this.#dropDisks(sent)
      const point = await this.#commit(snapshot, replica, sent)
      this.#stage('prune')
      const removedAfter = await this.#afterCommit(snapshot, sent)
      try {
        await unblockMigration(this.#context.source, source.ref, blocked)
        blocked = []
      } catch (error) {
        // The restore point stands; it is tried once more below.
        const text = `migration of the source VM could not be allowed again: ${(error as Error).message}`
        this.#warnings.push({ code: 'migration-still-blocked', text, avoid: 'the next run gives it back' })
      }
      return await this.#report(replica, point, sent, [...removedBefore, ...removedAfter])
    } catch (error) {
      const explained = await explainFailure(error, this.#context, this.#prepared)
      await this.#undo(isInterruption(error) && !(explained instanceof Failure && explained.code === 'TARGET_SR_FULL'))
      throw explained
    } finally {
      if (blocked.length > 0) await unblockMigration(this.#context.source, source.ref, blocked).catch(() => undefined)
    }
  }

  async #remove(when: 'before' | 'after') {
    const { done, warnings } = await removeAll(
      this.#context,
      this.#prepared.views,
      this.#prepared.plan.removals.filter((removal) => removal.when === when),
    )
    this.#warnings.push(...warnings)
    return done
  }

  /** Marks that a revert brought back onto the live VM or its disks would be inherited by every snapshot that a user takes. */
  async #cleanSource(): Promise<void> {
    const { source, signal } = this.#context
    const { ref, record } = this.#prepared.source
    const marked = (config: Readonly<Record<string, string>>) => MARK.job in config || MARK.run in config || MARK.exported in config
    const calls: Promise<unknown>[] = []
    // One by one: somebody else may change other keys in the same moment.
    const clean = (className: 'VM' | 'VDI', object: string, config: Readonly<Record<string, string>>) => {
      const kept = withoutMarks(config)
      for (const key of Object.keys(config).filter((candidate) => !(candidate in kept) && candidate !== MARK.replica)) {
        calls.push(source.call(`${className}.remove_from_other_config`, [object, key], { signal }))
      }
    }
    if (marked(record.other_config)) clean('VM', ref, record.other_config)
    for (const disk of disksOf(this.#prepared.views.source, record)) {
      const config = disk.record.other_config
      if (marked(config)) clean('VDI', disk.ref, config)
    }
    await Promise.all(calls)
  }

  async #takeSnapshot(): Promise<SourceSnapshot> {
    const { source, views, plan } = this.#prepared
    if (plan.resume !== undefined) {
      const [ref] = findByUuid(views.source.VM, plan.resume.snapshot) as [Ref<'VM'>, unknown]
      this.#snapshot = await readSnapshot(this.#context, ref)
      this.#context.log(`going on with the snapshot of ${new Date(this.#snapshot.takenAt).toISOString()}, whose transfer was interrupted`)
      return this.#snapshot
    }
    const live = disksOf(views.source, source.record)
    const skipped = new Set(plan.disks.filter(({ mode }) => mode === 'skipped').map((disk) => disk.source))
    const sent = live.filter(({ record }) => !skipped.has(record.uuid))
    for (const { vdi, code } of await enableTracking(this.#context, sent)) {
      const disk = live.find(({ ref }) => ref === vdi)
      this.#warnings.push({
        code: 'not-trackable',
        text: `disk ${disk?.vbdRecord.userdevice} can't be tracked (${code}): each run has to find its changes by an export`,
      })
    }
    const ignore = live.filter(({ record }) => skipped.has(record.uuid)).map(({ ref }) => ref)
    this.#snapshot = await takeSnapshot(this.#context, source.ref, ignore)
    return this.#snapshot
  }

  async #readyReplica(snapshot: SourceSnapshot): Promise<ReplicaVm> {
    const { target, views, plan, source } = this.#prepared
    const parts = { vifs: plan.vifs, cds: drivesOf(views.source, source), view: views.target }
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

  async #transferAll(snapshot: SourceSnapshot, replica: ReplicaVm): Promise<SentDisk[]> {
    const plans = this.#prepared.plan.disks.filter((disk): disk is SentDiskPlan => disk.mode !== 'skipped')
    return inParallel(plans, this.#options.disksAtOnce ?? 4, this.#context, (context, plan) =>
      this.#transfer(context, plan, snapshot, replica),
    )
  }

  async #transfer(context: RunContext, plan: SentDiskPlan, snapshot: SourceSnapshot, replica: ReplicaVm): Promise<SentDisk> {
    const { views, source } = this.#prepared
    const live = disksOf(views.source, source.record).find(({ record }) => record.uuid === plan.source) as AttachedDisk
    const disk = snapshot.disks.find(({ of }) => of === live.ref)
    if (disk === undefined) {
      throw new Failure(
        'DISK_NOT_SNAPSHOTTED',
        `the snapshot has no copy of disk ${plan.userdevice}`,
        'run again: the disk was removed in between',
      )
    }
    let record: SentDisk['record']
    const { verify } = this.#options
    const remember = (changedBytes: number) => {
      const granules = Math.ceil(changedBytes / DIGEST_GRANULE)
      record = createSentRecord(disk.size, verify === 'sample' ? sampler(granules, SAMPLES, context.ids.run) : undefined)
      return record.add
    }
    const base = plan.choice.kind === 'delta' ? plan.choice.base : undefined
    const baseRef = base && findByUuid(views.source.VDI, base.uuid)?.[0]
    const result = await transferDisk(context, {
      plan,
      snapshot: { ...disk, imageFormat: live.record.sm_config['image-format'] },
      base: base && baseRef && { ref: baseRef, kind: base.kind, cbt: base.cbt },
      prepare: (...how) => this.#prepareDisk(plan, live, disk, replica, ...how),
      writtenOnTarget: (since, written) => writtenSince(context, views.target, since, written),
      compare: plan.choice.landing.kind === 'repair' ? diskToRepair(views.target, plan.choice.landing.of) : undefined,
      mayBeFull: this.#options.onBrokenChain !== 'refuse',
      checkpoint: async (made, done) => {
        await checkpoint(context, made, done)
        this.#checkpoints++
      },
      onProgress: (bytesDone, bytesExpected) => this.#progress('transfer', plan, bytesDone, bytesExpected),
      ...(this.#options.beforeWrite === undefined ? {} : { beforeWrite: this.#options.beforeWrite }),
      ...(verify === 'off' || verify === 'full' ? {} : { remember }),
    })
    return { plan, snapshot: disk, result, record, verify: undefined }
  }

  async #prepareDisk(
    plan: SentDiskPlan,
    live: AttachedDisk,
    disk: SnapshotDisk,
    replica: ReplicaVm,
    landing: Parameters<typeof prepareTargetDisk>[5],
    from: string | null,
    willWrite: boolean,
  ): Promise<TargetDisk> {
    const { target, views } = this.#prepared
    const current = target.replica && disksOf(views.target, target.replica.record)
    const kept = 'disk' in landing ? landing.disk : undefined
    const replaced = current?.find(({ vbdRecord, record }) => vbdRecord.userdevice === plan.userdevice && record.uuid !== kept)
    if (replaced !== undefined && !this.#isOurs(replaced.record.uuid)) {
      throw new Failure(
        'FOREIGN_DISK',
        `the replica holds a disk that is not its own at position ${plan.userdevice} (${replaced.record.uuid})`,
      )
    }
    const wanted = {
      userdevice: plan.userdevice,
      name: live.record.name_label,
      description: live.record.name_description,
      size: disk.size,
      bootable: live.vbdRecord.bootable,
      mode: live.vbdRecord.mode,
      follows: live.record.uuid,
      type: live.record.type,
      otherConfig: live.record.other_config,
    }
    const writing = { run: this.#context.ids.run, from, to: disk.uuid }
    const made = await prepareTargetDisk(this.#context, views.target, target.sr, replica, wanted, landing, writing, willWrite, replaced)
    if (made.created) this.#made.push(made.ref)
    return made
  }

  #isOurs(uuid: string): boolean {
    return this.#prepared.target.facts.replica?.disks.some((disk) => disk.uuid === uuid && disk.ours) ?? false
  }

  #progress(what: 'transfer' | 'verify', plan: DiskPlan, bytesDone: number, bytesExpected: number | undefined): void {
    this.#options.onEvent?.({ kind: 'disk', userdevice: plan.userdevice, name: plan.name, bytesDone, bytesExpected, what })
  }

  async #verifyAll(sent: readonly SentDisk[]): Promise<void> {
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
        disk.verify = await verifyWhole(context, source, { xapi: context.target, disk: target }, onProgress)
      } else if (disk.record !== undefined) {
        disk.verify = await verifySent(context, context.target, target, disk.record, mode, onProgress)
      }
    })
  }

  /** Takes disks off the replica that the source no longer has; restore points that hold them keep them. */
  async #dropDisks(sent: readonly SentDisk[]): Promise<void> {
    const { target, signal, log } = this.#context
    const { plan, views } = this.#prepared
    const used = new Set(sent.map(({ plan: { userdevice } }) => userdevice))
    for (const { uuid, userdevice } of plan.dropDisks) {
      // What hung where a disk of this run now hangs went when that was attached.
      if (used.has(userdevice)) continue
      const ref = findByUuid(views.target.VDI, uuid)?.[0]
      if (ref === undefined) continue
      // Its place on the replica goes with it.
      await destroyDisk(target, ref, signal)
      log(`took disk ${userdevice} off the replica: the source no longer has it`)
    }
  }

  async #commit(snapshot: SourceSnapshot, replica: ReplicaVm, sent: readonly SentDisk[]): Promise<CommittedPoint> {
    this.#context.signal.throwIfAborted()
    const { source, target } = this.#prepared
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
      description: `Replica of "${source.record.name_label}" (${source.record.uuid}) kept by Understudy. Newest restore point: ${time} UTC`,
    })
    return this.#point
  }

  /** The restore point stands: nothing from here on may fail the run. */
  async #afterCommit(snapshot: SourceSnapshot, sent: readonly SentDisk[]) {
    const bases = sent.flatMap(({ plan, result }) =>
      result.mode === 'delta' && plan.choice.kind === 'delta' ? [plan.choice.base.marks.chainLength ?? 0] : [],
    )
    const chainLength = bases.length === 0 ? 0 : Math.max(...bases) + 1
    try {
      await confirmSnapshot(this.#context, snapshot, chainLength, this.#mayReduce(sent))
    } catch (error) {
      this.#context.signal.throwIfAborted()
      this.#warnings.push({
        code: 'not-reduced',
        text: `the source snapshot could not be reduced to its record of changes: ${(error as Error).message}`,
      })
    }
    return this.#remove('after')
  }

  /**
   * A record of changes can be removed only while nobody's tracked snapshot is older (a file SR breaks the chain of logs otherwise); a
   * snapshot with its data can be removed anywhere. So where somebody else has one, the data is kept until the next run.
   */
  #mayReduce(sent: readonly SentDisk[]): boolean {
    const { source, plan } = this.#prepared
    const shared = plan.keepSourceData === true || source.facts.disks.some(({ foreignCbtSnapshots }) => foreignCbtSnapshots.length > 0)
    if (shared) {
      this.#warnings.push({
        code: 'snapshot-kept',
        text: 'the source snapshot keeps its data until the next run: another job or a snapshot taken by hand tracks changes of the same disk',
      })
    }
    return !shared && sent.every(({ result }) => result.reducible)
  }

  /** Takes back what this run made. The replica's disk stays marked as being written: the next plan knows what to do with it. */
  async #undo(interrupted: boolean): Promise<void> {
    if (this.#point !== undefined) return
    const { log, signal } = this.#context
    // What this run made may be another's by now: to take up, or to clear away.
    if (await this.#isSuperseded()) return
    if (!signal.aborted && this.#mayGoOn() && interrupted) {
      log('what is in place on the target is kept, and the source snapshot with it: the next run goes on from there')
      return
    }
    if (this.#committing && this.#replica !== undefined && (await mayBeCommitted(this.#context, this.#replica.ref))) {
      log('the restore point may exist although the run failed: nothing is taken back, the next run goes on from there')
      return
    }
    const steps = [
      async () => {
        if (this.#snapshot !== undefined) await dropSnapshotVm(this.#context, this.#snapshot.ref)
      },
      async () => {
        if (this.#replica?.created) await removeReplica(this.#context, this.#replica, this.#made)
      },
    ]
    await Promise.all(
      steps.map((step) => step().catch((error: Error) => log(`could not clean up now, the next run will: ${error.message}`))),
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
    return this.#checkpoints > 0 || this.#prepared.plan.resume !== undefined
  }

  async #report(replica: ReplicaVm, point: CommittedPoint, sent: readonly SentDisk[], removed: RunReport['removed']): Promise<RunReport> {
    const { ids, source, target } = this.#context
    const { plan } = this.#prepared
    const disks = plan.disks.map((disk) =>
      diskReport(
        disk,
        sent.find((candidate) => candidate.plan === disk),
      ),
    )
    const endedAt = new Date()
    const sum = (key: 'changedBytes' | 'bytesRead' | 'bytesSent') => disks.reduce((total, disk) => total + disk[key], 0)
    return {
      run: ids.run,
      job: ids.job,
      schedule: ids.schedule,
      vm: plan.vm,
      from: source.url,
      to: target.url,
      sr: plan.targetSr,
      status: 'success',
      startedAt: this.#startedAt.toISOString(),
      endedAt: endedAt.toISOString(),
      seconds: (endedAt.getTime() - this.#startedAt.getTime()) / 1000,
      replica: { uuid: replica.uuid },
      restorePoint: { uuid: point.uuid, name: point.name, takenAt: new Date(this.#snapshot?.takenAt ?? 0).toISOString() },
      disks,
      totals: { changedBytes: sum('changedBytes'), bytesRead: sum('bytesRead'), bytesSent: sum('bytesSent') },
      removed: removed.map(({ side, uuid: gone, name, reason }) => ({ side, uuid: gone, name, reason })),
      warnings: this.#warnings,
      xapiCalls: { source: source.callCount, target: target.callCount },
      plan,
    }
  }
}

/** What was written to a disk of the target since a snapshot of it, by change tracking; undefined: that can't be told. */
async function writtenSince(
  { target, signal }: RunContext,
  view: PoolView,
  snapshot: string,
  disk: string,
): Promise<readonly Extent[] | undefined> {
  const [from, before] = findByUuid(view.VDI, snapshot) ?? []
  const [to, now] = findByUuid(view.VDI, disk) ?? []
  if (from === undefined || to === undefined || !before?.cbt_enabled || !now?.cbt_enabled) return undefined
  try {
    return await whenDetached(target, to, signal, () =>
      listChanges({ source: target, signal }, from, { ref: to, size: now.virtual_size, cbt: true }),
    )
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function diskToRepair(view: PoolView, uuid: string): { ref: Ref<'VDI'>; size: number } | undefined {
  const found = findByUuid(view.VDI, uuid)
  return found && { ref: found[0], size: found[1].virtual_size }
}

function drivesOf(view: PoolView, source: Inspected): SourceCd[] {
  return source.record.VBDs.flatMap((ref) => {
    const vbd = view.VBD.get(ref)
    return vbd?.type === 'CD' ? [{ userdevice: vbd.userdevice, bootable: vbd.bootable }] : []
  })
}
