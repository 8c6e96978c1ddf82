/** Carries one disk of the source snapshot over to the replica: what is read, where it lands, and what is remembered of it. */
import type { Extent } from '../block/block.ts'
import { DIGEST_GRANULE } from '../block/content-digest.ts'
import { Failure } from '../core/failure.ts'
import type { DiskPlan, SentDiskPlan } from '../core/plan.ts'
import type { Ref } from '../xapi/ref.ts'
import { listChanges } from './block-source.ts'
import { whenDetached } from './destroy.ts'
import type { SentDisk } from './disk-report.ts'
import { type AttachedDisk, disksOf, findByUuid, type PoolView } from './pool-view.ts'
import type { PreparedRun, RunOptions } from './prepare-run.ts'
import type { ReplicaVm } from './replica-vm.ts'
import { createSentRecord, sampler } from './sent-record.ts'
import type { RunContext } from './session.ts'
import type { SourceSide } from './source-side.ts'
import type { SnapshotDisk, SourceSnapshot } from './source-snapshot.ts'
import { checkpoint, prepareTargetDisk, type TargetDisk } from './target-disk.ts'
import { type TransferRequest, transferDisk } from './transfer.ts'
import { SAMPLES } from './verify.ts'

/** What the disks of a run for one target share. */
export interface Carrying {
  readonly options: RunOptions
  readonly prepared: PreparedRun
  readonly snapshot: SourceSnapshot
  readonly replica: ReplicaVm
  readonly side: SourceSide
  readonly onProgress: (what: 'transfer' | 'verify', plan: DiskPlan, bytesDone: number, bytesExpected: number | undefined) => void
  readonly onCheckpoint: () => void
  /** A disk was made that goes again should the run make no restore point. */
  readonly onMade: (disk: Ref<'VDI'>) => void
}

export async function carryDisk(context: RunContext, carrying: Carrying, plan: SentDiskPlan): Promise<SentDisk> {
  const { options, prepared, snapshot, side } = carrying
  const { views, source } = prepared
  const live = disksOf(views.source, source.record).find(({ record }) => record.uuid === plan.source) as AttachedDisk
  const disk = snapshot.disks.find(({ of }) => of === live.ref)
  if (disk === undefined) {
    throw new Failure(
      'DISK_NOT_SNAPSHOTTED',
      `the snapshot has no copy of disk ${plan.userdevice}`,
      'run again: the disk was removed in between',
    )
  }
  const base = plan.choice.kind === 'delta' ? plan.choice.base : undefined
  const baseRef = base && findByUuid(views.source.VDI, base.uuid)?.[0]
  return sendDisk(context, carrying, {
    plan,
    snapshot: { ...disk, imageFormat: live.record.sm_config['image-format'] },
    base: base && baseRef && { ref: baseRef, kind: base.kind, cbt: base.cbt, differing: differingFrom(plan) },
    open: (want) => side.open(context.ids.sr, plan.source, want),
    prepare: (...how) => prepareDisk(context, carrying, plan, live, disk, ...how),
    writtenOnTarget: (since, written) => writtenSince(context, views.target, since, written),
    compare: plan.choice.landing.kind === 'repair' ? diskToRepair(views.target, plan.choice.landing.of) : undefined,
    mayBeFull: options.onBrokenChain !== 'refuse',
  })
}

type Sending = Omit<TransferRequest, 'checkpoint' | 'onProgress' | 'beforeWrite' | 'remember'>

/**
 * With what the options of the run ask for beside the transfer itself.
 * @param keepDigest of all that is sent, whatever is verified
 */
export async function sendDisk(context: RunContext, carrying: Carrying, sending: Sending, keepDigest = false): Promise<SentDisk> {
  const { options, onProgress, onCheckpoint } = carrying
  const { plan, snapshot } = sending
  const { verify } = options
  let record: SentDisk['record']
  let all: SentDisk['record']
  const remember = (changedBytes: number) => {
    const granules = Math.ceil(changedBytes / DIGEST_GRANULE)
    const compared = verify === 'sample' || verify === 'changed'
    if (compared) record = createSentRecord(snapshot.size, verify === 'sample' ? sampler(granules, SAMPLES, context.ids.run) : undefined)
    if (keepDigest) all = verify === 'changed' ? record : createSentRecord(snapshot.size)
    return (offset: number, data: Buffer) => {
      record?.add(offset, data)
      if (all !== record) all?.add(offset, data)
    }
  }
  const result = await transferDisk(context, {
    ...sending,
    checkpoint: async (made, done) => {
      await checkpoint(context, made, done)
      onCheckpoint()
    },
    onProgress: (bytesDone, bytesExpected) => onProgress('transfer', plan, bytesDone, bytesExpected),
    ...(options.beforeWrite === undefined ? {} : { beforeWrite: options.beforeWrite }),
    ...(keepDigest || verify === 'sample' || verify === 'changed' ? { remember } : {}),
  })
  return { plan, snapshot, result, record, verify: undefined, ...(all === undefined ? {} : { all }) }
}

async function prepareDisk(
  context: RunContext,
  { prepared, replica, onMade }: Carrying,
  plan: SentDiskPlan,
  live: AttachedDisk,
  disk: SnapshotDisk,
  landing: Parameters<typeof prepareTargetDisk>[5],
  from: string | null,
  willWrite: boolean,
): Promise<TargetDisk> {
  const { target, views } = prepared
  const current = target.replica && disksOf(views.target, target.replica.record)
  const kept = 'disk' in landing ? landing.disk : undefined
  const replaced = current?.find(({ vbdRecord, record }) => vbdRecord.userdevice === plan.userdevice && record.uuid !== kept)
  const isOurs = (uuid: string) => target.facts.replica?.disks.some((known) => known.uuid === uuid && known.ours) ?? false
  if (replaced !== undefined && !isOurs(replaced.record.uuid)) {
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
  const writing = { run: context.ids.run, from, to: disk.uuid }
  const made = await prepareTargetDisk(context, views.target, target.sr, replica, wanted, landing, writing, willWrite, replaced)
  if (made.created) onMade(made.ref)
  return made
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

/** Where what the target's disk is cloned of differs from the base. */
function differingFrom({ choice: { landing } }: SentDiskPlan): readonly Extent[] | undefined {
  return landing.kind === 'clone' ? landing.differing : undefined
}
