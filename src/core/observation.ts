/** What `inspect` saw on both pools, as plain data: all that a plan is made from. Uuids are strings, times milliseconds, sizes bytes. */
import type { Marks, WritingMark } from './marks.ts'

export type PowerState = 'Halted' | 'Paused' | 'Running' | 'Suspended'

/** A snapshot of a source disk that carries the marks of this job and VM. */
export interface SourceSnapshotDisk {
  readonly uuid: string
  /** The snapshot VM whose disk it is; absent when that is gone. */
  readonly snapshotVm: string | undefined
  /** `cbt-metadata`: its data was destroyed, only the record of changes is left. */
  readonly kind: 'data' | 'cbt-metadata'
  readonly takenAt: number
  readonly size: number
  readonly cbt: boolean
  readonly marks: Marks
  /** Made by the original, or tagged by its cr-seed: no run of ours made it. */
  readonly byOriginal?: boolean
  /** Other target SRs whose chains have a claim on it; absent: none. */
  readonly alsoFor?: readonly string[]
}

export interface SourceDisk {
  readonly userdevice: string
  readonly uuid: string
  readonly name: string
  readonly size: number
  readonly cbt: boolean
  /** What its storage holds of it, as far as that is told. */
  readonly allocated?: { readonly least: number; readonly most: number } | undefined
  readonly sharable: boolean
  /** Thrown back to its beginning at each start (`on_boot` is `reset`): such a disk can't be snapshotted. */
  readonly resets: boolean
  /** See chain-health.ts. */
  readonly chainDepth: number | undefined
  readonly bootable: boolean
  readonly mode: 'RO' | 'RW'
  /** The job leaves it out (settings, no matter of the pool). */
  readonly excludedByJob?: boolean
  /** Ours only. */
  readonly snapshots: readonly SourceSnapshotDisk[]
  /** Times of all CBT snapshots of this disk that are older than some of ours and not ours: they depend on the chain of logs. */
  readonly foreignCbtSnapshots: readonly { readonly uuid: string; readonly takenAt: number }[]
}

export interface SourceSnapshotVm {
  readonly uuid: string
  readonly name: string
  readonly marks: Marks
  /** Made by this job but not (or not yet) tagged: its name says so. */
  readonly unfinished: boolean
  readonly disks: readonly string[]
  /** See SourceSnapshotDisk. */
  readonly byOriginal?: boolean
  readonly alsoFor?: readonly string[]
}

/** The suspend image that a checkpoint keeps. Bytes. */
export interface MemoryFacts {
  /** As it is, or as the pool would make it. */
  readonly size: number
  /** What it surely holds. */
  readonly least: number
  /** Where it is, or would be made; undefined: the pool has nowhere to make it. */
  readonly storage:
    | { readonly uuid: string; readonly name: string; readonly free: number | undefined; readonly thin: boolean | undefined }
    | undefined
}

export interface SourceFacts {
  readonly uuid: string
  readonly name: string
  readonly powerState: PowerState
  readonly isReplica: boolean
  /** An operation that a snapshot must not meet (a migration), by name. */
  readonly busyWith: string | undefined
  readonly disks: readonly SourceDisk[]
  readonly snapshots: readonly SourceSnapshotVm[]
  /** CBT metadata of ours without a snapshot VM, and disks of unfinished snapshots that lost theirs. */
  readonly strayDisks: readonly SourceSnapshotDisk[]
  /** Migration was blocked by a run of ours that never gave it back. */
  readonly migrationBlockedByUs: boolean
  readonly networks: readonly NetworkFacts[]
  readonly vifs: readonly SourceVif[]
  readonly vtpm: boolean
  /** Looked for where the memory is to be carried; absent: it has none. */
  readonly memory?: MemoryFacts
  /** Has a USB device passed through: XAPI refuses to snapshot it. */
  readonly usb: boolean
  /** Devices of the host that the VM was given (PCI, virtual GPU), in words. */
  readonly passedThrough: readonly string[]
}

export interface NetworkFacts {
  readonly uuid: string
  readonly name: string
  /** −1: untagged; undefined: no physical interface behind it. */
  readonly vlan: number | undefined
}

export interface SourceVif {
  readonly device: string
  readonly mac: string
  readonly mtu: number
  /** uuid */
  readonly network: string
}

/** A disk of a restore point. */
export interface RestorePointDisk {
  readonly userdevice: string
  readonly uuid: string
  /** The source snapshot VDI it holds. */
  readonly copyOf: string | undefined
  /** The replica's disk it is a snapshot of; absent when that is gone. */
  readonly snapshotOf: string | undefined
  readonly size: number
}

export interface RestorePoint {
  readonly uuid: string
  readonly name: string
  readonly schedule: string | undefined
  /** Time of the source snapshot. */
  readonly takenAt: number
  /** Counts up within a chain of ours; 0 for one that another tool made. */
  readonly generation: number
  readonly copyOf: string | undefined
  readonly disks: readonly RestorePointDisk[]
  /** Everything that its marks promise is there. */
  readonly complete: boolean
  /** Source snapshot disks that its deltas were based on, where its marks tell. */
  readonly madeFrom?: readonly string[] | undefined
  /** Made by the original: its marks do not list what it must hold. */
  readonly byOriginal?: boolean
  /** uuid of the disk with its memory, where it was made with one that is still there. */
  readonly memory?: string
  /** A VM by itself, no snapshot (copy-vms.ts). `spare`: why it is not ours to remove; undefined: it is. */
  readonly copyVm?: { readonly spare: string | undefined }
}

export interface ReplicaDisk {
  readonly userdevice: string
  readonly uuid: string
  readonly size: number
  readonly name: string
  readonly chainDepth: number | undefined
  /** Source disk it follows, when marked. */
  readonly follows: string | undefined
  readonly beingWritten: boolean
  readonly writing: WritingMark | undefined
  /** Compared with the newest restore point's disk by change tracking; `unknown` where that can't be asked. */
  readonly sinceRestorePoint: 'unchanged' | 'written' | 'unknown'
  /** Carries this job's marks, or is a disk that one of this job's restore points was taken of. */
  readonly ours: boolean
  /** Names of other VMs that it is attached to. */
  readonly heldBy: readonly string[]
}

export interface Replica {
  readonly uuid: string
  readonly name: string
  readonly powerState: PowerState
  /** Its start is blocked, or it is still being made. Where somebody has allowed it, what the replica holds may be theirs. */
  readonly protected: boolean
  /** It took over from its source, or is about to. */
  readonly failedOver?: { readonly at: string; readonly kind: 'planned' | 'unplanned' }
  readonly disks: readonly ReplicaDisk[]
}

export interface TargetFacts {
  readonly sr: {
    readonly uuid: string
    readonly name: string
    readonly free: number | undefined
    readonly thin: boolean | undefined
    readonly size?: number | undefined
    /** Undefined: not known, or larger than any disk of the source. */
    readonly largestDisk?: number | undefined
    /** Undefined: nothing speaks against it. */
    readonly canSnapshot?: boolean | undefined
  }
  /** Whether the replica's pool is the source's. */
  readonly samePool: boolean
  readonly replica: Replica | undefined
  readonly restorePoints: readonly RestorePoint[]
  /** Disks on the SR with this job's marks that belong to nothing. */
  readonly strayDisks: readonly { readonly uuid: string; readonly name: string }[]
  /** What carries this job's marks and may be somebody's own all the same. */
  readonly doubtful?: readonly { readonly uuid: string; readonly name: string; readonly why: string }[]
  readonly networks: readonly NetworkFacts[]
}
