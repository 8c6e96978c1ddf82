/** First copies made outside the network path, as the server knows them. Plain data, as it is sent over the API; sizes in bytes. */
import type { Reason } from '../base.ts'
import type { Target, Timestamp } from './job.ts'

/** A snapshot of a VM that a seed can, or can't, be made of. */
export interface SeedSnapshotInfo {
  readonly uuid: string
  readonly name: string
  readonly takenAt: Timestamp
  readonly disks: readonly { readonly userdevice: string; readonly name: string; readonly size: number; readonly tracked: boolean }[]
  readonly usable: boolean
  /** Why it is not; null: it is. */
  readonly reason: string | null
}

/** What a folder of the server's seeds holds. */
export interface SeedFolder {
  readonly name: string
  /** `exporting`: an activity writes to it now. `incomplete`: the export goes on where it stopped. */
  readonly state: 'complete' | 'exporting' | 'incomplete' | 'damaged'
  /** What is wrong with it; null: nothing. */
  readonly problem: string | null
  readonly vm: { readonly uuid: string; readonly name: string } | null
  readonly snapshot: { readonly uuid: string; readonly name: string; readonly takenAt: Timestamp } | null
  readonly createdAt: Timestamp | null
  readonly bytesStored: number
}

export interface SeedExportRequest {
  /** Of the source. */
  readonly pool: string
  /** One of both: a VM, of which a snapshot is taken, or a snapshot. */
  readonly vm?: string
  readonly snapshot?: string
  /** Name within the server's folder for seeds; one that is there is gone on with. */
  readonly folder: string
}

export interface SeedImportRequest {
  readonly folder: string
  readonly job: string
  readonly schedule?: string
  readonly target: Target
  /** How much of what is written is read back; default: `changed`, all of it. */
  readonly verify?: 'changed' | 'sample' | 'off'
}

export interface SeedLinkRequest {
  /** Of the source. */
  readonly pool: string
  readonly snapshot: string
  readonly job: string
  readonly schedule?: string
  readonly targetPool: string
  /** The copy on the target. */
  readonly copy: string
  /** How much is compared; default: `sample`. */
  readonly check?: 'sample' | 'full' | 'off'
}

/** What linking would say before it compares contents. */
export interface SeedCheckResult {
  readonly kind: 'link' | 'linked' | 'refused'
  /** Of docs/errors.md; null: not refused. */
  readonly code: string | null
  readonly text: string
  readonly hint: string
  readonly disks: readonly { readonly userdevice: string; readonly name: string; readonly size: number }[]
  readonly warnings: readonly Reason[]
}

/**
 * How a linked seed stands until the first delta. `fresh`: the next run is a delta. `used`: a run went on from it already. `old`: the next
 * run is a delta, a large one. `started`, `altered`: the replica ran, or was written to. `base-gone`: the source snapshot is gone.
 */
export interface SeedState {
  readonly state: 'none' | 'fresh' | 'used' | 'old' | 'started' | 'altered' | 'base-gone'
  readonly text: string
  /** What to do; empty: nothing. */
  readonly hint: string
  readonly takenAt: Timestamp | null
  readonly snapshot: string | null
  readonly replica: string | null
}
