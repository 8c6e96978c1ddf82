/**
 * Makes a replica of a seed that was carried over in a folder: the disks are written from the medium, read back, and linked, as the job's
 * first restore point. Only the configuration of the VM comes over the network. Broken off, the same call goes on where it stopped.
 */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { BlockSink, ByteBudget, Extent } from '../../block/block.ts'
import { copyBlocks } from '../../block/copy.ts'
import { totalLength } from '../../block/extents.ts'
import { Failure } from '../../core/failure.ts'
import { readWritingMark, type WritingMark } from '../../core/marks.ts'
import { planVifs } from '../../core/networks.ts'
import type { VerifyReport } from '../../core/report.ts'
import type { SeedManifest, SeedManifestDisk } from '../../core/seed-manifest.ts'
import { fromByte, planSegments } from '../../core/segments.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { holdChain } from '../chain-lock.ts'
import { commitRestorePoint } from '../commit.ts'
import { inspectSource } from '../inspect-source.ts'
import { type InspectedTarget, inspectRecorded } from '../inspect-target.ts'
import { nbdTransport } from '../nbd-transport.ts'
import { type AttachedDisk, disksOf, drivesOf, findByUuid, type PoolView, viewPool } from '../pool-view.ts'
import { createReplica, type ReplicaVm, refreshReplica } from '../replica-vm.ts'
import { segmentedSink } from '../segmented.ts'
import { createSentRecord, sampler } from '../sent-record.ts'
import type { RunContext } from '../session.ts'
import { openChunkedSink } from '../sinks.ts'
import { readSnapshot, type SnapshotDisk, type SourceSnapshot } from '../source-snapshot.ts'
import { checkpoint, prepareTargetDisk, type TargetDisk } from '../target-disk.ts'
import { SAMPLES, verifySent } from '../verify.ts'
import { carryVtpm } from '../vtpm.ts'
import { lookAtSeed } from './export-seed.ts'
import { inspectSeedSnapshot } from './inspect-seed.ts'
import { confirmSource, type SeedReport } from './link-seed.ts'
import { readIndex, seedSource } from './seed-folder.ts'

export interface ImportSeedOptions {
  readonly source: Xapi
  readonly target: Xapi
  /** uuid of the target's storage repository */
  readonly sr: string
  readonly folder: string
  readonly job: string
  readonly schedule: string
  /** How much of what was written is read back. */
  readonly verify: 'changed' | 'sample' | 'off'
  readonly networks: ReadonlyMap<string, string | null>
  readonly allowInsecureNbd?: boolean
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  readonly beforeWrite?: (bytes: number) => Promise<void> | void
  /** See RunContext. */
  readonly leastSegment?: number
  readonly onProgress?: (userdevice: string, bytesDone: number, bytesExpected: number, what: 'transfer' | 'verify') => void
  readonly onLog?: (message: string) => void
}

export interface ImportedSeed extends SeedReport {
  readonly bytesSent: number
}

/** Throws Failure (SEED_…, SR_…, VERIFY_DIFFERS), XapiError and the like. */
export async function importSeed(options: ImportSeedOptions): Promise<ImportedSeed> {
  const folder = resolve(options.folder)
  const { manifest, complete } = await lookAtSeed(folder)
  if (!complete) throw new Failure('SEED_FOLDER_INCOMPLETE', `the export of "${manifest.vm.name}" to ${folder} did not end`)
  const { source, target, signal } = options
  const samePool = source.url === target.url
  const sourceView = await viewPool(source, signal)
  const views = { source: sourceView, target: samePool ? sourceView : await viewPool(target, signal) }
  const seen = inspectSeedSnapshot(views.source, manifest.snapshot.uuid)
  if (seen.facts.source?.uuid !== manifest.vm.uuid) {
    throw new Failure('SEED_SNAPSHOT_UNUSABLE', `snapshot ${manifest.snapshot.uuid} is not one of VM ${manifest.vm.uuid} (any more)`)
  }
  const ids = { run: randomUUID(), job: options.job, schedule: options.schedule, vm: manifest.vm.uuid, sr: options.sr }
  const found = findByUuid(views.target.SR, options.sr)
  if (found === undefined) throw new Failure('SR_NOT_FOUND', `the target pool has no storage repository ${options.sr}`)
  const lock = await holdChain(target, found[0], ids, signal)
  try {
    const context: RunContext = {
      ids,
      source,
      target,
      signal: AbortSignal.any([signal, lock.signal]),
      budget: options.budget,
      leastSegment: options.leastSegment,
      stillHeld: () => lock.check(),
      transportOf: (xapi) => nbdTransport((xapi === source ? views.source : views.target).network, options.allowInsecureNbd ?? false),
      log: (message) => options.onLog?.(message),
    }
    const snapshot = await readSnapshot(context, seen.ref)
    return await new SeedImport(options, context, views, manifest, folder, samePool).run(snapshot)
  } finally {
    await lock.release()
  }
}

interface ImportedDisk {
  readonly disk: SeedManifestDisk
  readonly copy: TargetDisk
  readonly bytesSent: number
  readonly verify: VerifyReport | undefined
}

class SeedImport {
  readonly #options: ImportSeedOptions
  readonly #context: RunContext
  readonly #views: { readonly source: PoolView; readonly target: PoolView }
  readonly #manifest: SeedManifest
  readonly #folder: string
  readonly #samePool: boolean

  constructor(
    options: ImportSeedOptions,
    context: RunContext,
    views: { readonly source: PoolView; readonly target: PoolView },
    manifest: SeedManifest,
    folder: string,
    samePool: boolean,
  ) {
    this.#options = options
    this.#context = context
    this.#views = views
    this.#manifest = manifest
    this.#folder = folder
    this.#samePool = samePool
  }

  async run(snapshot: SourceSnapshot): Promise<ImportedSeed> {
    const manifest = this.#manifest
    const seen = await inspectRecorded(this.#views.target, this.#context.ids, this.#samePool)
    const point = seen.facts.restorePoints.find(({ copyOf, complete }) => complete && copyOf === manifest.snapshot.uuid)
    if (point !== undefined && seen.replica !== undefined) {
      await confirmSource(this.#context, this.#views.source, snapshot)
      return { ...this.#report('already-linked', seen.replica.record.uuid, point.uuid, []), bytesSent: 0 }
    }
    if (seen.facts.restorePoints.length > 0) {
      throw new Failure('SEED_CHAIN_EXISTS', `job ${this.#options.job} has a replica of "${manifest.vm.name}" on the storage already`)
    }
    const replica = await this.#readyReplica(snapshot, seen)
    const disks: ImportedDisk[] = []
    for (const disk of manifest.disks) disks.push(await this.#importDisk(disk, snapshot, seen, replica))
    const made = await commitRestorePoint(this.#context, {
      replica,
      name: manifest.vm.name,
      takenAt: snapshot.takenAt,
      generation: 1,
      copyOf: snapshot.record.uuid,
      disks: disks.map(({ disk: { userdevice, snapshot: copyOf }, copy }) => ({ userdevice, disk: copy, copyOf })),
      description: `Replica of "${manifest.vm.name}" (${manifest.vm.uuid}) kept by Understudy, seeded from a medium`,
    })
    await confirmSource(this.#context, this.#views.source, snapshot)
    const bytesSent = disks.reduce((sum, disk) => sum + disk.bytesSent, 0)
    return { ...this.#report('linked', replica.uuid, made.uuid, disks), bytesSent }
  }

  async #readyReplica(snapshot: SourceSnapshot, { replica, facts }: InspectedTarget): Promise<ReplicaVm> {
    const live = inspectSource(this.#views.source, this.#context.ids)
    const parts = {
      vifs: planVifs(live.facts.vifs, live.facts.networks, facts.networks, this.#options.networks),
      cds: drivesOf(this.#views.source, live.record),
      view: this.#views.target,
    }
    const config = { ...snapshot.record, name_label: live.record.name_label }
    const ready =
      replica === undefined
        ? await createReplica(this.#context, config, parts)
        : await refreshReplica(this.#context, config, replica, parts)
    await carryVtpm(this.#context, snapshot.record, { ref: ready.ref, vtpms: replica?.record.VTPMs ?? [] })
    return ready
  }

  async #importDisk(disk: SeedManifestDisk, snapshot: SourceSnapshot, { sr, replica: before }: InspectedTarget, replica: ReplicaVm) {
    const { userdevice, size } = disk
    const copied = snapshot.disks.find(({ uuid }) => uuid === disk.snapshot)
    if (copied === undefined || copied.size !== size) {
      throw new Failure('SEED_SNAPSHOT_UNUSABLE', `the snapshot has no disk ${disk.snapshot} of ${size} bytes (any more)`)
    }
    const index = await readIndex(this.#folder, disk)
    const all = index.chunks.flatMap(({ extents }) => extents)
    const attached = before && disksOf(this.#views.target, before.record).find(({ vbdRecord }) => vbdRecord.userdevice === userdevice)
    const broken = attached && brokenOff(attached, disk)
    const target = await this.#prepare(disk, copied, sr, replica, attached, broken)
    const left = fromByte(all, broken?.done ?? 0)
    const record = createSentRecord(size, this.#sampled(left))
    const sink = this.#sinkFor(target, left)
    const expected = totalLength(all)
    const skipped = expected - totalLength(left)
    await copyBlocks(seedSource(this.#folder, disk, index, left), async () => sink, {
      signal: this.#context.signal,
      budget: this.#context.budget,
      onWrite: record.add,
      onProgress: ({ bytesDone }) => this.#options.onProgress?.(userdevice, skipped + bytesDone, expected, 'transfer'),
      ...(this.#options.beforeWrite === undefined ? {} : { beforeWrite: this.#options.beforeWrite }),
    })
    const verify = await this.#verify(target, record, userdevice)
    return { disk, copy: target, bytesSent: sink.bytesSent, verify }
  }

  #sampled(extents: readonly Extent[]): ((granule: number) => boolean) | undefined {
    if (this.#options.verify === 'changed') return undefined
    if (this.#options.verify === 'off') return () => false
    return sampler(Math.ceil(totalLength(extents) / 65_536), SAMPLES, this.#context.ids.run)
  }

  #prepare(
    disk: SeedManifestDisk,
    copied: SnapshotDisk,
    sr: Ref<'SR'>,
    replica: ReplicaVm,
    attached: AttachedDisk | undefined,
    broken: WritingMark | undefined,
  ): Promise<TargetDisk> {
    const live = this.#views.source.VDI.get(copied.of)
    const place = [...this.#views.source.VBD.values()].find(({ VDI, type }) => VDI === copied.of && type === 'Disk')
    const wanted = {
      userdevice: disk.userdevice,
      name: live?.name_label ?? disk.name,
      description: live?.name_description ?? '',
      size: disk.size,
      bootable: place?.bootable ?? disk.userdevice === '0',
      mode: place?.mode ?? 'RW',
      follows: live?.uuid ?? disk.snapshot,
      type: live?.type ?? 'user',
      otherConfig: copied.config,
    } as const
    const writing = { run: this.#context.ids.run, from: null, to: disk.snapshot }
    const view = this.#views.target
    if (attached !== undefined && broken?.done !== undefined) {
      this.#context.log(`disk ${disk.userdevice}: going on from byte ${broken.done}`)
      const landing = {
        kind: 'resume',
        disk: attached.record.uuid,
        done: broken.done,
        brokenRun: broken.run,
        otherwise: undefined,
      } as const
      return prepareTargetDisk(this.#context, view, sr, replica, wanted, landing, writing, true, undefined)
    }
    return prepareTargetDisk(this.#context, view, sr, replica, wanted, { kind: 'create' }, writing, true, attached)
  }

  #sinkFor(target: TargetDisk, extents: readonly Extent[]): BlockSink {
    return segmentedSink(
      planSegments(extents, this.#context.leastSegment),
      () => openChunkedSink(this.#context.target, target.ref, this.#context.signal),
      async (end) => {
        await this.#context.stillHeld?.()
        await checkpoint(this.#context, target, end)
      },
    )
  }

  async #verify(target: TargetDisk, record: ReturnType<typeof createSentRecord>, userdevice: string): Promise<VerifyReport | undefined> {
    const { verify } = this.#options
    if (verify === 'off' || record.digest.bytes === 0) return undefined
    const { signal } = this.#context
    const disk = { ref: target.ref, size: await this.#context.target.call<number>('VDI.get_virtual_size', [target.ref], { signal }) }
    const onProgress = (done: number, expected: number) => this.#options.onProgress?.(userdevice, done, expected, 'verify')
    return verifySent(this.#context, this.#context.target, disk, record, verify, onProgress)
  }

  #report(status: SeedReport['status'], replica: string, restorePoint: string, disks: readonly ImportedDisk[]): SeedReport {
    const { vm, snapshot } = this.#manifest
    return {
      status,
      job: this.#options.job,
      schedule: this.#options.schedule,
      source: { vm: vm.uuid, name: vm.name, snapshot: snapshot.uuid, takenAt: snapshot.takenAt },
      replica,
      sr: this.#options.sr,
      restorePoint,
      disks: disks.map(({ disk, copy, verify }) => {
        const check = this.#options.verify === 'changed' ? 'full' : this.#options.verify
        return {
          userdevice: disk.userdevice,
          source: disk.snapshot,
          target: copy.uuid,
          size: disk.size,
          check,
          bytesCompared: verify?.bytes ?? 0,
        }
      }),
      warnings: [],
    }
  }
}

/** What a broken import of the same seed left of its disk: it goes on from there. */
function brokenOff({ record }: AttachedDisk, disk: SeedManifestDisk): WritingMark | undefined {
  const mark = readWritingMark(record.other_config)
  return mark?.from === null && mark.to === disk.snapshot && mark.done !== undefined ? mark : undefined
}
