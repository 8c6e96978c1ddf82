/** For tests of plans: what inspect would have seen of a VM with two disks, its replica and two restore points, to be altered. */
import type { Marks } from '../../src/core/marks.ts'
import type {
  ReplicaDisk,
  RestorePoint,
  SourceDisk,
  SourceFacts,
  SourceSnapshotDisk,
  SourceSnapshotVm,
  TargetFacts,
} from '../../src/core/observation.ts'
import type { Policy } from '../../src/core/plan.ts'

export const GIB = 2 ** 30
const HOUR = 3_600_000
export const NOON = Date.UTC(2026, 5, 1, 12)

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

export interface Seen {
  source: Mutable<SourceFacts>
  target: Mutable<TargetFacts>
  policy: Mutable<Policy>
}

export const NO_MARKS: Marks = {
  job: undefined,
  schedule: undefined,
  vm: undefined,
  datetime: undefined,
  exported: false,
  chainLength: undefined,
  sr: undefined,
  copyOf: undefined,
}

/** The marks of a snapshot that was carried over. */
export const EXPORTED: Marks = { ...NO_MARKS, job: 'job', schedule: 'daily', vm: 'vm', exported: true, chainLength: 0 }

/** The record of changes of disk `nth` that run `run` left on the source. */
export function changeRecord(run: number, nth: number, more: Partial<SourceSnapshotDisk> = {}): SourceSnapshotDisk {
  return {
    uuid: `source-${run}-${nth}`,
    snapshotVm: undefined,
    kind: 'cbt-metadata',
    takenAt: NOON + run * HOUR,
    size: (nth + 1) * 10 * GIB,
    cbt: true,
    marks: EXPORTED,
    ...more,
  }
}

/** Disk `nth` of the source VM, with what the given runs left of it (newest first, as inspect gives them). */
export function sourceDisk(nth: number, runs: readonly number[], more: Partial<SourceDisk> = {}): SourceDisk {
  return {
    userdevice: String(nth),
    uuid: `disk-${nth}`,
    name: ['system', 'data', 'logs', 'more'][nth] ?? `disk ${nth}`,
    size: (nth + 1) * 10 * GIB,
    cbt: true,
    sharable: false,
    resets: false,
    chainDepth: 2,
    bootable: nth === 0,
    mode: 'RW',
    snapshots: runs.toSorted((a, b) => b - a).map((run) => changeRecord(run, nth)),
    foreignCbtSnapshots: [],
    ...more,
  }
}

export function replicaDisk(nth: number, more: Partial<ReplicaDisk> = {}): ReplicaDisk {
  return {
    userdevice: String(nth),
    uuid: `replica-disk-${nth}`,
    size: (nth + 1) * 10 * GIB,
    name: ['system', 'data', 'logs', 'more'][nth] ?? `disk ${nth}`,
    chainDepth: 3,
    follows: `disk-${nth}`,
    beingWritten: false,
    writing: undefined,
    sinceRestorePoint: 'unchanged',
    ours: true,
    heldBy: [],
    ...more,
  }
}

/** The restore point that run `run` made of so many disks. */
export function restorePoint(run: number, disks: number, more: Partial<RestorePoint> = {}): RestorePoint {
  return {
    uuid: `point-${run}`,
    name: `web ${new Date(NOON + run * HOUR).toISOString().slice(0, 13)}`,
    schedule: 'daily',
    takenAt: NOON + run * HOUR,
    generation: run,
    copyOf: `snapshot-${run}`,
    disks: Array.from({ length: disks }, (_, nth) => ({
      userdevice: String(nth),
      uuid: `point-${run}-disk-${nth}`,
      copyOf: `source-${run}-${nth}`,
      snapshotOf: `replica-disk-${nth}`,
      size: (nth + 1) * 10 * GIB,
    })),
    complete: true,
    ...more,
  }
}

/** A snapshot VM on the source that a run left, holding disks of it. */
export function snapshotVm(run: number, disks: number, more: Partial<SourceSnapshotVm> = {}): SourceSnapshotVm {
  return {
    uuid: `snapshot-${run}`,
    name: `understudy job ${run}`,
    marks: EXPORTED,
    unfinished: false,
    disks: Array.from({ length: disks }, (_, nth) => `source-${run}-${nth}`),
    ...more,
  }
}

/** Two runs were done; the source keeps the record of changes of the second, nothing has gone wrong. */
export function settled(): Seen {
  return {
    source: {
      uuid: 'vm',
      name: 'web',
      powerState: 'Running',
      isReplica: false,
      busyWith: undefined,
      disks: [sourceDisk(0, [2]), sourceDisk(1, [2])],
      snapshots: [],
      strayDisks: [changeRecord(2, 0), changeRecord(2, 1)],
      migrationBlockedByUs: false,
      networks: [{ uuid: 'source-lan', name: 'lan', vlan: -1 }],
      vifs: [{ device: '0', mac: '02:00:00:00:00:01', mtu: 1500, network: 'source-lan' }],
      vtpm: false,
      usb: false,
      passedThrough: [],
    },
    target: {
      sr: { uuid: 'sr', name: 'second site', free: 500 * GIB, thin: true },
      samePool: false,
      replica: { uuid: 'replica', name: 'web', powerState: 'Halted', protected: true, disks: [replicaDisk(0), replicaDisk(1)] },
      restorePoints: [restorePoint(2, 2), restorePoint(1, 2)],
      strayDisks: [],
      networks: [{ uuid: 'target-lan', name: 'lan', vlan: -1 }],
    },
    policy: { job: 'job', schedule: 'daily', retention: 3, networks: new Map() },
  }
}

/** Nothing was ever done. */
export function untouched(): Seen {
  const seen = settled()
  return {
    ...seen,
    source: { ...seen.source, disks: [sourceDisk(0, []), sourceDisk(1, [])], strayDisks: [] },
    target: { ...seen.target, replica: undefined, restorePoints: [] },
  }
}
