/**
 * The keys that a replication leaves in `other_config` of VMs and VDIs on both pools. State lives there and nowhere else.
 * The `xo:*` keys have the meaning that the original gives them (@xen-orchestra/backups/_otherConfig.mjs), so that chains can be
 * continued in both directions; what it has no key for is under `understudy:*`.
 */

export const MARK = {
  job: 'xo:backup:job',
  schedule: 'xo:backup:schedule',
  vm: 'xo:backup:vm',
  datetime: 'xo:backup:datetime',
  exported: 'xo:backup:exported',
  chainLength: 'xo:backup:deltaChainLength',
  contentKey: 'xo:backup:contentKey',
  sr: 'xo:backup:sr',
  nonNbdFix: 'xo:backup:includeNonNbdQcow2Fix',
  copyOf: 'xo:copy_of',
  baseDelta: 'xo:base_delta_vdi',
  importTask: 'xo:import:task',
  importLength: 'xo:import:length',
  /** On a replica VM and on each of its disks: JSON of ReplicaMark. */
  replica: 'understudy:replica',
  /** On a replica's disk: uuid of the source disk (not of a snapshot) that it follows. */
  disk: 'understudy:disk',
  /** On a replica's disk, from before its first byte is written until its restore point exists: JSON of WritingMark. */
  writing: 'understudy:writing',
  /** On a restore point's disk while it is cloned, so that the clone inherits it: a clone that nobody holds and that has it is a left-over. JSON of ReplicaMark without `self`. */
  cloning: 'understudy:cloning',
  /** On a source snapshot: JSON of RunMark. */
  run: 'understudy:run',
  /** On a restore point's VM: JSON of RestorePointMark; it says what must be there for it to count as complete. */
  restorePoint: 'understudy:restore-point',
  /** On a restore point's VM: its own uuid. A snapshot taken of a clone of it inherits everything, and is told apart by this. */
  self: 'understudy:self',
  /** On a restore point's disk, where its run compared both disks whole, and on its memory: JSON of DigestMark. */
  digest: 'understudy:digest',
  /**
   * Beginning of a key on a source disk while its pool takes a snapshot, followed by the run's id, so that the snapshot's disk inherits it: one that no VM
   * holds is what a toolstack left that died before the snapshot was whole. JSON of SnapshottingMark.
   */
  snapshotting: 'understudy:snapshotting:',
  /** On a running source VM while its pool takes a checkpoint of it: id of the run. A toolstack that dies then leaves it suspended. */
  checkpoint: 'understudy:checkpoint',
  /** On the memory of a restore point, a disk that hangs on no VM: JSON of MemoryMark. */
  memory: 'understudy:memory',
  /** On the same: what the source's toolstack kept of the domain (`last_booted_record`), which a resumption needs. */
  domain: 'understudy:domain',
  /** On a replica VM: the source's `auto_poweron`, which the replica itself must not have. */
  autoPoweron: 'understudy:auto_poweron',
  /** On a VM cloned of a restore point, to work on or to test, and on networks made for tests: JSON of CopyMark (failover/marks.ts). */
  copy: 'understudy:copy',
  /** On a restore point's VM: what its last test came to; JSON of TestedMark. */
  tested: 'understudy:tested',
  /** On a VM that took over: JSON of FailoverMark. Runs to it are refused. */
  failover: 'understudy:failover',
  /** On a source VM while a planned failover takes it down, and after: JSON of HandoverMark. */
  handover: 'understudy:handover',
  /** On an original that is a replica for now: JSON of HomeMark, what it gets back when it takes over again. */
  home: 'understudy:home',
  /** On the disks of the snapshot that a VM had when it took over: JSON of CommonMark. */
  common: 'understudy:common',
} as const

/** Prefixes of keys that must not travel from a source VM or disk to its replica. */
const OWN_PREFIXES = ['xo:backup:', 'xo:copy_of', 'xo:base_delta_vdi', 'xo:import:', 'understudy:'] as const

export type OtherConfig = Readonly<Record<string, string>>

/** Reason shown by XAPI when somebody starts a replica; the original's wording has no meaning of its own to either product. */
export const START_BLOCKED = 'This is a replica kept by Understudy: clone it to work on it, or fail over to it'
/** What of a replica nobody may do: to run it in whatever way. */
export const RUNNING_OPERATIONS = ['start', 'start_on', 'resume', 'resume_on'] as const
/** By operation, why: for `VM.set_blocked_operations`. */
export const replicaBlocked = (why: string = START_BLOCKED): Record<string, string> =>
  Object.fromEntries(RUNNING_OPERATIONS.map((operation) => [operation, why]))
/** Text of the source's blocked migrations; its beginning tells ours from others'. */
export const MIGRATION_BLOCKED_PREFIX = 'Understudy is replicating this VM'
export const REPLICA_TAG = 'Understudy replica'

/** `self` is the uuid of the object that carries the mark: clones and snapshots inherit the map and are told apart by it. */
export interface ReplicaMark {
  readonly job: string
  readonly vm: string
  readonly sr: string
  readonly self: string
}

export interface WritingMark {
  readonly run: string
  /** Snapshot VDI of the source whose content the disk held before the first byte; null: it was empty. */
  readonly from: string | null
  /** Snapshot VDI of the source whose content it is to hold. */
  readonly to: string
  /** Checkpoint: everything to be written below this byte of the disk is in place. */
  readonly done?: number
}

export interface RunMark {
  readonly run: string
  /** uuid of the target SR: chains of a job that run apart have each their own snapshots. */
  readonly sr: string
  /** uuids of further target SRs, where one snapshot served several targets: it goes when none of them needs it. */
  readonly also?: readonly string[]
}

export interface SnapshottingMark {
  readonly job: string
  readonly vm: string
  /** uuids of the target SRs. */
  readonly srs: readonly string[]
  /** By the clock of the mover; `YYYYMMDDTHH:MM:SSZ` */
  readonly at: string
}

/** Of which target SRs the chains have a claim on a source snapshot. */
export const claimsOf = ({ sr, also }: RunMark): readonly string[] => [sr, ...(also ?? [])]

/** @param srs at least one */
export function runMark(run: string, [sr, ...also]: readonly [string, ...string[]]): RunMark {
  return also.length === 0 ? { run, sr } : { run, sr, also }
}

export interface RestorePointMark {
  readonly run: string
  /** Counts up from restore point to restore point: orders those whose source snapshots share a second, or whose clock went back. */
  readonly generation: number
  /** Disks by userdevice: uuid of the source snapshot VDI that each holds. */
  readonly disks: Readonly<Record<string, string>>
  /** uuids of the source snapshot VDIs that its deltas were based on; absent: it was a full copy. */
  readonly from?: readonly string[]
  /** uuid of the disk that holds the VM's memory of that instant; absent: there is none. */
  readonly memory?: string
}

/** `self` is the uuid of the disk itself: clones inherit the map, and are no restore point's. */
export interface MemoryMark {
  readonly job: string
  readonly vm: string
  readonly sr: string
  readonly self: string
  readonly run: string
  /** What the guest was booted on. */
  readonly cpu: { readonly vendor: string; readonly features: string }
}

/** What the disk held when its run proved it equal to the source snapshot; of memory: what its run sent, at least. */
export interface DigestMark {
  /** Bytes of the source's disk, which the digests cover. */
  readonly size: number
  /** Content digest (src/block/content-digest.ts) of the granules of 64 KiB that are not all zeroes. */
  readonly content: string
  /** Bytes of these granules. */
  readonly bytes: number
  /** Of the whole disk. Absent: nothing was compared whole, this is what the run read of the source and sent. */
  readonly sha256?: string
}

/** What the marks of one object say. */
export interface Marks {
  readonly job: string | undefined
  readonly schedule: string | undefined
  readonly vm: string | undefined
  readonly datetime: string | undefined
  readonly exported: boolean
  readonly chainLength: number | undefined
  readonly sr: string | undefined
  readonly copyOf: string | undefined
}

export function readMarks(config: OtherConfig): Marks {
  const length = config[MARK.chainLength]
  return {
    job: config[MARK.job],
    schedule: config[MARK.schedule],
    vm: config[MARK.vm],
    datetime: config[MARK.datetime],
    exported: config[MARK.exported] === 'true',
    chainLength: length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined,
    sr: config[MARK.sr],
    copyOf: config[MARK.copyOf],
  }
}

/** JSON of a mark; undefined when absent or not what we write (a foreign or damaged value is no mark of ours). */
function readJson(config: OtherConfig, key: string, fields: readonly string[]): Record<string, unknown> | undefined {
  const text = config[key]
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const record = value as Record<string, unknown>
    return fields.every((field) => typeof record[field] === 'string') ? record : undefined
  } catch {
    return undefined
  }
}

/** The mark of the object itself; an inherited one counts for nothing. `uuid` is the object's own. */
export function readReplicaMark(config: OtherConfig, uuid: string): ReplicaMark | undefined {
  const found = readJson(config, MARK.replica, ['job', 'vm', 'sr', 'self']) as unknown as ReplicaMark | undefined
  return found?.self === uuid ? found : undefined
}

export function readRunMark(config: OtherConfig): RunMark | undefined {
  const found = readJson(config, MARK.run, ['run', 'sr'])
  const { also = [] } = found ?? {}
  const listed = Array.isArray(also) && also.every((sr) => typeof sr === 'string')
  return listed ? (found as unknown as RunMark | undefined) : undefined
}

export function readSnapshottingMarks(config: OtherConfig): SnapshottingMark[] {
  const keys = Object.keys(config).filter((key) => key.startsWith(MARK.snapshotting))
  return keys.flatMap((key) => {
    const found = readJson(config, key, ['job', 'vm', 'at'])
    const whole = Array.isArray(found?.srs) && found.srs.every((sr) => typeof sr === 'string')
    return whole ? [found as unknown as SnapshottingMark] : []
  })
}

export function readWritingMark(config: OtherConfig): WritingMark | undefined {
  const found = readJson(config, MARK.writing, ['run', 'to'])
  if (found === undefined || !(found.from === null || typeof found.from === 'string')) return undefined
  if (found.done !== undefined && !Number.isSafeInteger(found.done)) return undefined
  return found as unknown as WritingMark
}

/** Whether something is written there, readable or not: a damaged mark must not make a disk look clean. */
export const isBeingWritten = (config: OtherConfig): boolean => MARK.writing in config

export function readRestorePointMark(config: OtherConfig): RestorePointMark | undefined {
  const found = readJson(config, MARK.restorePoint, ['run'])
  if (found === undefined || typeof found.disks !== 'object' || found.disks === null || !Number.isSafeInteger(found.generation))
    return undefined
  if (found.memory !== undefined && typeof found.memory !== 'string') return undefined
  return found as unknown as RestorePointMark
}

/** The mark of the disk itself; an inherited one counts for nothing. `uuid` is the disk's own. */
export function readMemoryMark(config: OtherConfig, uuid: string): MemoryMark | undefined {
  const found = readJson(config, MARK.memory, ['job', 'vm', 'sr', 'self', 'run'])
  const cpu = found?.cpu as Partial<MemoryMark['cpu']> | undefined
  if (typeof cpu?.vendor !== 'string' || typeof cpu.features !== 'string' || found?.self !== uuid) return undefined
  return found as unknown as MemoryMark
}

export function readDigestMark(config: OtherConfig): DigestMark | undefined {
  const found = readJson(config, MARK.digest, ['content'])
  if (found !== undefined && found.sha256 !== undefined && typeof found.sha256 !== 'string') return undefined
  if (found === undefined || !Number.isSafeInteger(found.size) || !Number.isSafeInteger(found.bytes)) return undefined
  return found as unknown as DigestMark
}

/** A map without any key of replication. */
export function withoutMarks(config: OtherConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !OWN_PREFIXES.some((prefix) => key.startsWith(prefix))))
}

/** `YYYYMMDDTHH:MM:SSZ`, the form of `xo:backup:datetime` and of XAPI's own dates. */
export function formatDatetime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replaceAll('-', '')}Z`
}

/** `YYYYMMDDTHHMMSSZ`, the form in names. */
export const formatNameDate = (milliseconds: number): string => formatDatetime(milliseconds).replaceAll(':', '')

/** Milliseconds of a date as XAPI gives it, with or without colons and Z; undefined when it is none, or the epoch ("never"). */
export function parseDatetime(text: string | undefined): number | undefined {
  const found = /^(\d{4})-?(\d{2})-?(\d{2})T(\d{2}):?(\d{2}):?(\d{2})(?:\.\d+)?Z?$/.exec(text ?? '')
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number) as [number, number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute, second) || undefined
}
