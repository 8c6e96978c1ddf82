/** Which base a disk's next transfer can build on: the heart of guarantee G2. Pure. */

import type { Extent } from '../block/block.ts'
import type { ReplicaDisk, RestorePoint, RestorePointDisk, SourceDisk, SourceSnapshotDisk } from './observation.ts'
import { newestFirst } from './restore-point-order.ts'

/** Why a disk is sent whole, or what stands in the way of a delta; stable codes, shown with `text`. */
export type FullReason =
  | 'first-copy'
  | 'new-disk'
  | 'first-copy-interrupted'
  | 'base-gone-on-source'
  | 'base-gone-on-target'
  | 'base-not-usable'
  | 'disk-shrunk'

export interface Reason {
  readonly code: string
  readonly text: string
  /** What would have avoided it, when anything would. */
  readonly avoid?: string
}

/** How the disk that receives the data comes to be. */
export type Landing =
  /** The replica's disk itself, proven to hold the base. */
  | { readonly kind: 'in-place'; readonly disk: string }
  /** The replica's disk that a broken run began to write from the same base: this delta covers all it may have written. */
  | {
      readonly kind: 'continue'
      readonly disk: string
      readonly brokenRun: string
      /** Restore point's disk to clone instead, should change tracking fail when it is asked: then nothing says what the broken run wrote. */
      readonly otherwise: string
    }
  /** The disk that a broken run was writing from the same source snapshot: everything below byte `done` is in place already. */
  | {
      readonly kind: 'resume'
      readonly disk: string
      readonly done: number
      readonly brokenRun: string
      readonly otherwise: string | undefined
    }
  /** A fresh clone of the restore point's disk; the replica's own disk is replaced. */
  | {
      readonly kind: 'clone'
      readonly of: string
      readonly why: Reason
      /** Where that disk differs from the base: sent as well. Undefined: nowhere. */
      readonly differing?: readonly Extent[]
    }
  /** A clone of a restore point's disk that is no base: both sides are compared, and what differs is written. */
  | { readonly kind: 'repair'; readonly of: string }
  /** A new empty disk. */
  | { readonly kind: 'create' }

export type BaseChoice =
  | {
      readonly kind: 'delta'
      readonly base: SourceSnapshotDisk
      readonly restorePoint: string
      readonly landing: Landing
      readonly reason: Reason
    }
  | { readonly kind: 'full'; readonly landing: Extract<Landing, { kind: 'create' | 'resume' | 'repair' }>; readonly reason: Reason }

/**
 * The choice for a disk whose interrupted transfer is taken up again: the same source snapshot, onto the disk that has its beginning.
 * What it was to be put on top of was proven when that run began.
 */
export function resumeDisk(disk: SourceDisk, live: ReplicaDisk, points: readonly RestorePoint[]): BaseChoice | undefined {
  const { writing } = live
  if (writing?.done === undefined) return undefined
  const reason: Reason = {
    code: 'resumed',
    text: `run ${writing.run} was interrupted: its transfer goes on from byte ${writing.done} of the disk`,
  }
  const landing = { kind: 'resume', disk: live.uuid, done: writing.done, brokenRun: writing.run } as const
  if (writing.from === null) return { kind: 'full', landing: { ...landing, otherwise: undefined }, reason }
  const match = matches(disk, points).find(({ base }) => base.uuid === writing.from)
  if (match === undefined) return undefined
  const { base, point, copy } = match
  return { kind: 'delta', base, restorePoint: point.uuid, landing: { ...landing, otherwise: copy.uuid }, reason }
}

/**
 * What both sides have in common although the target has no restore point: a disk there that holds what a snapshot of the source holds, but
 * for what is known to differ. From a failover, in the direction back.
 */
export interface CommonBase {
  readonly base: SourceSnapshotDisk
  /** uuid of the target's disk, which a clone is made of; nothing writes to it. */
  readonly of: string
  /** Bytes of it. */
  readonly size: number
  /** Undefined: not known, so both sides have to be compared. */
  readonly differing: readonly Extent[] | undefined
}

/** The choice for a disk that has a common base; undefined when that is of no use to it. */
export function chooseCommon(disk: SourceDisk, common: CommonBase): BaseChoice | undefined {
  if (common.size - disk.size >= ROUNDING) return undefined
  const why = { code: 'original-stays', text: 'the original is left as it is: a clone of its disk is written to' }
  if (common.differing === undefined || !usable(common.base)) {
    const text =
      'the original’s disk can’t be told from the common restore point by change tracking: both sides are compared, and only what differs is sent'
    return { kind: 'full', landing: { kind: 'repair', of: common.of }, reason: { code: 'compared-with-original', text } }
  }
  const differing = common.differing.length === 0 ? {} : { differing: common.differing }
  return {
    kind: 'delta',
    base: common.base,
    restorePoint: common.of,
    landing: { kind: 'clone', of: common.of, why, ...differing },
    reason: {
      code: 'common-restore-point',
      text: `the original holds what snapshot ${common.base.uuid} holds, but for what it wrote since`,
    },
  }
}

interface Match {
  readonly base: SourceSnapshotDisk
  readonly point: RestorePoint
  readonly copy: RestorePointDisk
}

/** Pairs of a source snapshot and a complete restore point's disk that hold the same content, newest restore point first. */
function matches(disk: SourceDisk, points: readonly RestorePoint[]): Match[] {
  const ordered = newestFirst(points.filter(({ complete }) => complete))
  const out: Match[] = []
  for (const point of ordered) {
    for (const copy of point.disks) {
      const base = disk.snapshots.find(({ uuid }) => uuid === copy.copyOf)
      if (base !== undefined) out.push({ base, point, copy })
    }
  }
  return out
}

/**
 * Storage rounds sizes up (sm: to the 2 MiB of a VHD block, raw LVM volumes to 4 MiB), so a copy may be larger than its original by less
 * than this, always. Bytes; nothing that reads or compares the copy looks at what lies beyond the original's end.
 */
export const ROUNDING = 4 * 1024 * 1024

const usable = (base: SourceSnapshotDisk) => base.kind === 'data' || base.cbt

/**
 * @param replicaDisks the replica's disks as they are now
 * @param points every restore point of this job, VM and SR
 */
export function chooseBase(disk: SourceDisk, replicaDisks: readonly ReplicaDisk[], points: readonly RestorePoint[]): BaseChoice {
  const found = matches(disk, points)
  const match = found.find(({ base }) => usable(base))
  if (match === undefined) return full(disk, replicaDisks, points, found)
  if (match.copy.size - disk.size >= ROUNDING) {
    return fullBecause('disk-shrunk', `the source disk is smaller (${disk.size} bytes) than its copy (${match.copy.size} bytes)`)
  }
  const reason: Reason = {
    code: 'proven-base',
    text: `restore point "${match.point.name}" holds source snapshot ${match.base.uuid}`,
  }
  return { kind: 'delta', base: match.base, restorePoint: match.point.uuid, landing: land(disk, match, replicaDisks, points), reason }
}

function land(
  disk: SourceDisk,
  { base, point, copy }: Match,
  replicaDisks: readonly ReplicaDisk[],
  points: readonly RestorePoint[],
): Landing {
  const clone = (code: string, text: string): Landing => ({ kind: 'clone', of: copy.uuid, why: { code, text } })
  if (point.copyVm !== undefined) {
    return clone('copy-vm', `"${point.name}" is a VM by itself, made by Xen Orchestra or seeded by hand, and stays as it is`)
  }
  const newest = newestFirst(points.filter(({ complete }) => complete))[0] === point
  const live = replicaDisks.find(({ uuid }) => uuid === copy.snapshotOf)
  if (live === undefined) return clone('replica-disk-gone', 'the disk that the restore point was taken of is gone')
  if (!newest) return clone('older-restore-point', 'a newer restore point exists on the replica that the source no longer has a base for')
  // A restore point promises which disk is where: one that stayed where it was would make it incomplete.
  if (live.userdevice !== disk.userdevice) return clone('moved', `the disk moved from position ${live.userdevice} to ${disk.userdevice}`)
  if (live.beingWritten) {
    // A delta from the same base by change tracking holds every granule that the broken run can have touched.
    const { writing } = live
    if (writing !== undefined && writing.from === base.uuid && base.cbt)
      return { kind: 'continue', disk: live.uuid, brokenRun: writing.run, otherwise: copy.uuid }
    return clone('interrupted', 'an interrupted run wrote to the disk from a base that this run can not cover')
  }
  switch (live.sinceRestorePoint) {
    case 'unchanged':
      return { kind: 'in-place', disk: live.uuid }
    case 'written':
      return clone('written-since', 'the disk was written after its restore point was taken, by somebody else')
    case 'unknown':
      return clone('not-provable', 'nothing tells whether the disk was written since its restore point (no change tracking on its SR)')
  }
}

function fullBecause(code: FullReason, text: string, avoid?: string): Extract<BaseChoice, { kind: 'full' }> {
  return { kind: 'full', landing: { kind: 'create' }, reason: { code, text, ...(avoid === undefined ? {} : { avoid }) } }
}

function full(
  disk: SourceDisk,
  replicaDisks: readonly ReplicaDisk[],
  points: readonly RestorePoint[],
  found: readonly Match[],
): BaseChoice {
  const complete = points.filter((point) => point.complete)
  if (found.length > 0) {
    return fullBecause(
      'base-not-usable',
      'the common snapshot has neither its data nor its record of changes any more',
      'leave change tracking (CBT) of the source disk on',
    )
  }
  const live = replicaDisks.find(({ follows }) => follows === disk.uuid)
  if (complete.length === 0) {
    return live?.beingWritten
      ? fullBecause('first-copy-interrupted', 'the first copy was interrupted before any restore point existed')
      : fullBecause('first-copy', 'there is no restore point of this VM on the target yet')
  }
  const copied = complete.some(({ disks }) => disks.some(({ snapshotOf }) => snapshotOf !== undefined && snapshotOf === live?.uuid))
  if (!copied) return fullBecause('new-disk', 'no restore point holds this disk: it is new, or was moved to another storage')
  if (disk.snapshots.length === 0) {
    return fullBecause(
      'base-gone-on-source',
      'the source has no snapshot or record of changes left that a restore point was made of',
      'do not delete the snapshots and change-tracking records that carry this job’s marks',
    )
  }
  return fullBecause(
    'base-gone-on-target',
    'no restore point left on the target matches a snapshot of the source',
    'do not delete the newest restore point of a replica',
  )
}
