/** Reads the replica, its restore points and what earlier runs left on the target SR into plain facts. */

import { readFailoverMark } from '../core/failover/marks.ts'
import { Failure } from '../core/failure.ts'
import {
  isBeingWritten,
  MARK,
  parseDatetime,
  readMarks,
  readMemoryMark,
  readReplicaMark,
  readRestorePointMark,
  readWritingMark,
} from '../core/marks.ts'
import type { Replica, ReplicaDisk, RestorePoint, RestorePointDisk, TargetFacts } from '../core/observation.ts'
import { newestFirst } from '../core/restore-point-order.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { type AskStarted, findCopyVms } from './copy-vms.ts'
import { networksOf } from './inspect-source.ts'
import { chainDepthOf, disksOf, findByUuid, holdersOf, type PoolView } from './pool-view.ts'
import { SELF_TO_COME } from './replica-vm.ts'

/** SR types whose disks take only the space they hold (sm drivers: FileSR, EXTSR, NFSSR, SMBSR, XOSTOR…). */
const THIN = new Set(['file', 'ext', 'nfs', 'smb', 'cifs', 'xfs', 'zfs', 'btrfs', 'linstor', 'largeblock'])

/** Asks the pool whether a disk (of `size` bytes) differs from a snapshot of it, by change tracking. */
export type AskWritten = (snapshot: Ref<'VDI'>, disk: Ref<'VDI'>, size: number) => Promise<ReplicaDisk['sinceRestorePoint']>

export interface InspectedTarget {
  readonly sr: Ref<'SR'>
  readonly srRecord: RecordOf['SR']
  readonly replica: { readonly ref: Ref<'VM'>; readonly record: RecordOf['VM'] } | undefined
  readonly facts: TargetFacts
}

/** A disk is called so from its creation until it is marked: a left-over is recognised by it. */
export const unfinishedDiskPrefix = (job: string): string => `understudy ${job} `

/** What a clone in the making inherits; see MARK.cloning. */
export const cloningToken = ({ job, vm, sr }: { readonly job: string; readonly vm: string; readonly sr: string }): string =>
  JSON.stringify({ job, vm, sr })

export interface Chain {
  readonly job: string
  readonly vm: string
  readonly sr: string
}

/** Throws Failure when there is no such SR. */
export async function inspectTarget(
  view: PoolView,
  chain: Chain,
  samePool: boolean,
  askWritten: AskWritten,
  askStarted: AskStarted,
): Promise<InspectedTarget> {
  const found = findByUuid(view.SR, chain.sr)
  if (found === undefined) {
    throw new Failure('SR_NOT_FOUND', `the target pool has no storage repository ${chain.sr}`)
  }
  const [sr, srRecord] = found
  if (srRecord.content_type === 'iso') {
    throw new Failure('SR_NOT_USABLE', `"${srRecord.name_label}" holds ISO images, not disks`, 'name a storage repository for disks')
  }
  if (srRecord.PBDs.length === 0) {
    throw new Failure(
      'SR_NOT_USABLE',
      `"${srRecord.name_label}" is not connected to any host`,
      'plug it (xe pbd-plug), or name another one',
    )
  }
  if (holdsOldData(srRecord)) {
    throw new Failure(
      'SR_NOT_USABLE',
      `new disks on "${srRecord.name_label}" hold what was on the storage before, which a sparse copy would leave in place`,
      'name a storage repository with VHD or file-based disks',
    )
  }
  const pointVms = [...view.VM].filter(([, vm]) => isPointOf(view, vm, chain))
  const seen = pointVms.map(([, vm]) => restorePoint(view, vm))
  const copies = await findCopyVms(view, chain, new Map(pointVms), askStarted)
  // What a run of the original's left half done is the original's to remove.
  const snapshots = seen.filter(({ complete, byOriginal }) => complete || byOriginal !== true)
  const restorePoints = [...snapshots, ...copies.points]
  const memories = new Set(pointVms.flatMap(([, vm]) => readRestorePointMark(vm.other_config)?.memory ?? []))
  const replica = findReplica(view, chain, snapshots)
  const doubtful = [
    ...copies.doubtful,
    ...seen.flatMap((point) => (snapshots.includes(point) ? [] : [{ uuid: point.uuid, name: point.name, why: 'it is not complete' }])),
  ]
  return {
    sr,
    srRecord,
    replica,
    facts: {
      sr: {
        uuid: srRecord.uuid,
        name: srRecord.name_label,
        ...spaceOf(srRecord),
      },
      samePool,
      replica: replica && (await replicaFacts(view, replica.record, restorePoints, chain, askWritten)),
      restorePoints,
      strayDisks: strayDisks(view, sr, chain, memories),
      ...(doubtful.length > 0 ? { doubtful } : {}),
      networks: networksOf(view),
    },
  }
}

/** The same without asking the pool whether disks were written or VMs started: what marks and records alone tell. */
export const inspectRecorded = (view: PoolView, chain: Chain, samePool = false): Promise<InspectedTarget> =>
  inspectTarget(
    view,
    chain,
    samePool,
    async () => 'unknown',
    async () => undefined,
  )

/** Legacy LVM and array drivers don't zero new volumes (must_write_zeroes_into_new_vdi of ocaml/xapi/sm_fs_ops.ml). */
function holdsOldData({ type, sm_config: config }: RecordOf['SR']): boolean {
  if (['lvm', 'lvmoiscsi', 'lvmohba'].includes(type)) return config.use_vhd !== 'true'
  return type === 'cslg' || (type === 'equal' && config.allocation?.toLowerCase() === 'thick')
}

/** Bytes; undefined: not told. */
export const spaceOf = ({ physical_size: size, physical_utilisation: used, type }: RecordOf['SR']) => ({
  free: size > 0 ? Math.max(0, size - used) : undefined,
  size: size > 0 ? size : undefined,
  thin: THIN.has(type) ? true : type.startsWith('lvm') ? false : undefined,
})

function belongsTo(config: Readonly<Record<string, string>>, { job, vm, sr }: Chain): boolean {
  const marks = readMarks(config)
  return marks.job === job && marks.vm === vm && marks.sr === sr
}

/**
 * A snapshot with the chain's marks that names itself in them. The marks alone are not enough: a clone of a restore point inherits
 * them, and so does a snapshot that a user takes of that clone, whose content can be anything. One that names nobody was made by a
 * run that ended at that moment, or by another tool: it counts while the VM it was taken of is the replica, or kept from starting.
 */
export function isPointOf(view: PoolView, vm: RecordOf['VM'], chain: Chain): boolean {
  if (!vm.is_a_snapshot || !belongsTo(vm.other_config, chain)) return false
  const self = vm.other_config[MARK.self]
  if (self !== undefined) return self === vm.uuid
  const of = view.VM.get(vm.snapshot_of)
  if (of === undefined) return false
  return MARK.restorePoint in vm.other_config ? isMarked(of, chain) : 'start' in of.blocked_operations && !inheritsMarks(vm, of)
}

/**
 * Whether a snapshot without a mark of ours has those of the original only because the VM that it was taken of had them: a copy in the
 * original's older layout, or one that cr-seed tagged. In the newer layout the VM loses them again once its snapshot exists; where a run
 * ended in between, that snapshot has the name that the original gave it, with the time at its end.
 */
function inheritsMarks(vm: RecordOf['VM'], of: RecordOf['VM']): boolean {
  const { copyOf, datetime } = readMarks(vm.other_config)
  if (of.other_config[MARK.copyOf] !== copyOf) return false
  const named = parseDatetime(vm.name_label.slice(vm.name_label.lastIndexOf(' ') + 1))
  return named === undefined || named !== parseDatetime(datetime)
}

function isMarked(object: { readonly uuid: string; readonly other_config: Readonly<Record<string, string>> }, chain: Chain): boolean {
  const mark = readReplicaMark(object.other_config, object.uuid)
  return mark !== undefined && mark.job === chain.job && mark.vm === chain.vm && mark.sr === chain.sr
}

/** The replica: the VM that says so, else the one that the restore points are snapshots of (a chain that another tool began). */
export function findReplica(view: PoolView, chain: Chain, points: readonly RestorePoint[]): InspectedTarget['replica'] {
  for (const [ref, record] of view.VM) {
    if (record.is_a_snapshot) continue
    if (isMarked(record, chain)) return { ref, record }
  }
  // The original makes another VM when somebody wrote to the one it had: the newest restore point is of the one it goes on with.
  for (const { uuid } of newestFirst(points.filter(({ complete }) => complete))) {
    const ref = findByUuid(view.VM, uuid)?.[1].snapshot_of as Ref<'VM'>
    const record = view.VM.get(ref)
    if (record !== undefined && 'start' in record.blocked_operations) return { ref, record }
  }
  // Created, and not even marked as itself: a run was killed in between. This one completes it.
  for (const [ref, record] of view.VM) {
    const half = record.is_a_template && !record.is_a_snapshot && record.VBDs.length === 0
    if (half && isMarked({ ...record, uuid: SELF_TO_COME }, chain)) return { ref, record }
  }
  return undefined
}

export function restorePoint(view: PoolView, vm: RecordOf['VM']): RestorePoint {
  const marks = readMarks(vm.other_config)
  const disks = disksOf(view, vm).map(({ record, vbdRecord }): RestorePointDisk => {
    return {
      userdevice: vbdRecord.userdevice,
      uuid: record.uuid,
      copyOf: readMarks(record.other_config).copyOf,
      snapshotOf: view.VDI.get(record.snapshot_of)?.uuid,
      size: record.virtual_size,
    }
  })
  const mark = readRestorePointMark(vm.other_config)
  const takenAt = parseDatetime(marks.datetime)
  return {
    uuid: vm.uuid,
    name: vm.name_label,
    schedule: marks.schedule,
    takenAt: takenAt ?? 0,
    generation: mark?.generation ?? 0,
    copyOf: marks.copyOf,
    disks,
    complete: takenAt !== undefined && marks.copyOf !== undefined && keepsPromise(disks, mark?.disks),
    ...(mark?.from === undefined ? {} : { madeFrom: mark.from }),
    ...(memoryOf(view, vm) === undefined ? {} : { memory: mark?.memory as string }),
    ...(MARK.restorePoint in vm.other_config ? {} : { byOriginal: true }),
  }
}

/** The disk with a restore point's memory. One that is gone makes the point no less complete: it starts afresh. */
export function memoryOf(view: PoolView, vm: RecordOf['VM']): [Ref<'VDI'>, RecordOf['VDI']] | undefined {
  const uuid = readRestorePointMark(vm.other_config)?.memory
  const found = uuid === undefined ? undefined : findByUuid(view.VDI, uuid)
  return found !== undefined && readMemoryMark(found[1].other_config, found[1].uuid) !== undefined ? found : undefined
}

/** A restore point of ours lists its disks; one of the original's is as complete as its marks. */
function keepsPromise(disks: readonly RestorePointDisk[], promised: Readonly<Record<string, string>> | undefined): boolean {
  // One that is a copy of nothing is a disk that somebody attached to the replica.
  if (promised === undefined) return disks.length === 0 || disks.some(({ copyOf }) => copyOf !== undefined)
  const held = new Map(disks.map(({ userdevice, copyOf }) => [userdevice, copyOf]))
  return Object.entries(promised).every(([userdevice, copyOf]) => held.get(userdevice) === copyOf)
}

async function replicaFacts(
  view: PoolView,
  record: RecordOf['VM'],
  points: readonly RestorePoint[],
  chain: Chain,
  askWritten: AskWritten,
): Promise<Replica> {
  const newest = newestFirst(points.filter(({ complete }) => complete))[0]
  const failover = readFailoverMark(record.other_config, record.uuid)
  const disks = await Promise.all(
    disksOf(view, record).map(async ({ ref, record: disk, vbdRecord }): Promise<ReplicaDisk> => {
      const copy = newest?.disks.find(({ snapshotOf }) => snapshotOf === disk.uuid)
      const snapshot = copy && findByUuid(view.VDI, copy.uuid)
      const beingWritten = isBeingWritten(disk.other_config)
      return {
        userdevice: vbdRecord.userdevice,
        uuid: disk.uuid,
        size: disk.virtual_size,
        name: disk.name_label,
        chainDepth: chainDepthOf(view, disk),
        follows: disk.other_config[MARK.disk],
        beingWritten,
        writing: readWritingMark(disk.other_config),
        sinceRestorePoint:
          // A disk in use can't be asked about, and the plan will refuse the run anyhow.
          snapshot === undefined || beingWritten || record.power_state !== 'Halted' || !disk.cbt_enabled || !snapshot[1].cbt_enabled
            ? 'unknown'
            : await askWritten(snapshot[0], ref, disk.virtual_size),
        heldBy: holdersOf(view, disk).flatMap(({ vmRecord }) => (vmRecord.uuid === record.uuid ? [] : [vmRecord.name_label])),
        // A restore point also holds a snapshot of a disk that somebody attached to the replica: that one is a copy of nothing.
        ours:
          isMarked(disk, chain) ||
          points.some((point) => point.disks.some(({ snapshotOf, copyOf }) => snapshotOf === disk.uuid && copyOf !== undefined)),
      }
    }),
  )
  return {
    uuid: record.uuid,
    name: record.name_label,
    powerState: record.power_state as Replica['powerState'],
    // It is a template until its start is blocked (createReplica).
    protected: record.is_a_template || 'start' in record.blocked_operations,
    ...(failover === undefined ? {} : { failedOver: { at: failover.at, kind: failover.kind } }),
    disks,
  }
}

/** Whether a disk that nothing holds is surely a left-over of this chain. A clone that a user made of a restore point is not. */
function isOurDisk(view: PoolView, vdi: RecordOf['VDI'], chain: Chain): boolean {
  if (vdi.is_a_snapshot) {
    const of = view.VDI.get(vdi.snapshot_of)
    return belongsTo(vdi.other_config, chain) && of !== undefined && isMarked(of, chain)
  }
  const memory = readMemoryMark(vdi.other_config, vdi.uuid)
  if (memory !== undefined) return memory.job === chain.job && memory.vm === chain.vm && memory.sr === chain.sr
  if (isMarked(vdi, chain) || vdi.name_label.startsWith(unfinishedDiskPrefix(chain.job))) return true
  return vdi.other_config[MARK.cloning] === cloningToken(chain)
}

/** @param memories uuids of disks that restore points name as their memory: they hang on nothing all the same */
function strayDisks(view: PoolView, sr: Ref<'SR'>, chain: Chain, memories: ReadonlySet<string>): TargetFacts['strayDisks'] {
  const out: { uuid: string; name: string }[] = []
  for (const vdi of view.VDI.values()) {
    if (vdi.SR !== sr || !vdi.managed || memories.has(vdi.uuid)) continue
    if (!isOurDisk(view, vdi, chain)) continue
    if (holdersOf(view, vdi).length === 0) out.push({ uuid: vdi.uuid, name: vdi.name_label })
  }
  return out
}
