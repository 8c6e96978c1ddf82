/** A registered pool and what is seen of it, live. */
import type { Timestamp } from './job.ts'
import type { RunFailure } from './run-record.ts'

export interface PoolRecord {
  /** Ours; stable when the pool changes its address. */
  readonly id: string
  readonly name: string
  /** `https://host[:port]`, without credentials. */
  readonly url: string
  readonly user: string
  /** SHA-256 of the certificates that were accepted, `AB:CD:…`. */
  readonly fingerprints: readonly string[]
  /** The pool's own uuid: another pool at the same address is noticed. */
  readonly poolUuid: string
  readonly enabled: boolean
  readonly createdAt: Timestamp
}

/** `away` is retried with growing pauses; `refused` (password, certificate, another pool) waits for somebody to act. */
export type PoolState = 'connecting' | 'connected' | 'away' | 'refused' | 'disabled'

export interface PoolStatus extends PoolRecord {
  readonly state: PoolState
  readonly error: RunFailure | null
  readonly since: Timestamp
  readonly lastSeenAt: Timestamp | null
  /** Of the master, as `software_version` has it. */
  readonly version: string | null
  readonly counts: { readonly hosts: number; readonly vms: number; readonly srs: number }
}

export interface PoolInventory {
  readonly pool: string
  readonly seenAt: Timestamp
  readonly hosts: readonly {
    readonly uuid: string
    readonly name: string
    readonly address: string
    readonly live: boolean
    readonly isMaster: boolean
  }[]
  readonly srs: readonly InventorySr[]
  readonly networks: readonly InventoryNetwork[]
  readonly vms: readonly InventoryVm[]
}

export interface InventorySr {
  readonly uuid: string
  readonly name: string
  readonly type: string
  readonly shared: boolean
  /** Attached on some host and able to hold VM disks. */
  readonly usable: boolean
  readonly size: number
  readonly used: number
}

export interface InventoryNetwork {
  readonly uuid: string
  readonly name: string
  /** null: untagged, or no PIF */
  readonly vlan: number | null
  readonly purposes: readonly string[]
}

/** VMs that can be protected: no templates, snapshots or control domains. */
export interface InventoryVm {
  readonly uuid: string
  readonly name: string
  readonly description: string
  readonly powerState: string
  readonly tags: readonly string[]
  readonly disks: readonly {
    readonly uuid: string
    readonly name: string
    readonly userdevice: string
    readonly size: number
    readonly sr: string
  }[]
  readonly networks: readonly string[]
  /** What its disks take on their storage, with the images below them, as the last scan of the storage found it. */
  readonly bytesAllocated: number
  /** Set on replicas that we (or the original product) keep: the job's id and the source VM. They are not offered for protection. */
  readonly replicaOf: { readonly job: string; readonly vm: string } | null
  /** Of a replica, also of one that took over: uuids of its snapshots that are restore points. */
  readonly restorePoints: readonly string[]
  /** It can't be started: a replica, or somebody blocked it. */
  readonly startBlocked: boolean
  /** Set on VMs that took over from their source, or are about to (`preparing`), or did and are protected in the other direction (`turned`). */
  readonly failedOver: {
    readonly job: string
    readonly vm: string
    readonly sr: string
    readonly clone: boolean
    readonly state: 'preparing' | 'active' | 'turned'
  } | null
}
