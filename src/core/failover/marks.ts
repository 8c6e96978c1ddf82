/** Marks of copies, tests and failovers: read and written as the others (marks.ts), and apart from them since replication itself needs few. */
import { MARK, type OtherConfig } from '../marks.ts'

/** On what was cloned of a restore point, and on networks made for it. */
export interface CopyMark {
  /** `work`: a user's own; `test`: to be removed; `network`: made for a test. */
  readonly kind: 'work' | 'test' | 'network'
  /** What belongs together has the same: one clone, one test, one rehearsal of a recovery plan. */
  readonly id: string
  /** uuid of the object that carries the mark; snapshots and clones of it inherit the mark and are told apart by this. */
  readonly self: string
  readonly job: string
  /** uuid of the source VM */
  readonly vm: string
  /** uuid of the restore point; of a network: of the network that it stands for. */
  readonly point: string
  /** Date and time, ISO 8601. */
  readonly at: string
  /** Left for somebody to look at: removed only when asked. */
  readonly keep?: boolean
}

/** On a restore point: its last test. */
export interface TestedMark {
  readonly at: string
  readonly outcome: 'ready' | 'not-ready'
  /** From the beginning of the test to a VM that was ready, or until it was given up. */
  readonly seconds: number
}

/** On a VM that took over from its source, or is about to. */
export interface FailoverMark {
  readonly self: string
  readonly id: string
  readonly job: string
  /** uuid of the VM that it took over from */
  readonly vm: string
  /** uuid of the storage repository of the chain */
  readonly sr: string
  readonly kind: 'planned' | 'unplanned'
  /** Whether it is a clone: then the replica itself is still one. */
  readonly clone: boolean
  /** `preparing`: not started yet, to be continued or undone. `turned`: it is protected in the other direction. */
  readonly state: 'preparing' | 'active' | 'turned'
  readonly at: string
  /** uuid of the restore point, and the time of the source snapshot that it holds. */
  readonly point: string
  readonly takenAt: string
  /** uuid of the snapshot taken before it started, which a failback builds on; absent: none could be taken. */
  readonly base?: string
}

/** On a source VM that is, or was, shut down to hand over. */
export interface HandoverMark {
  readonly self: string
  readonly id: string
  readonly job: string
  readonly sr: string
  readonly state: 'shutting-down' | 'handed-over'
  /** Power state that an undoing goes back to. */
  readonly was: string
  readonly at: string
}

/** On a disk of the snapshot that a VM had when it took over: its content is that of a snapshot of the original. */
export interface CommonMark {
  /** uuid of the snapshot's disk that carries the mark */
  readonly self: string
  /** uuid of the original's snapshot disk (or record of changes) whose content this is */
  readonly of: string
  /** uuid of the disk of the VM that it is a snapshot of */
  readonly disk: string
}

/** On an original that became a replica in place: what being one takes from it. */
export interface HomeMark {
  readonly self: string
  readonly haPriority: string
  readonly description: string
}

function read<T>(config: OtherConfig, key: string, fields: readonly (keyof T & string)[], self?: string): T | undefined {
  try {
    const value = JSON.parse(config[key] ?? 'null') as Record<string, unknown> | null
    if (typeof value !== 'object' || value === null || !fields.every((field) => typeof value[field] === 'string')) return undefined
    return self === undefined || value.self === self ? (value as T) : undefined
  } catch {
    return undefined
  }
}

export const readCopyMark = (config: OtherConfig, uuid: string) =>
  read<CopyMark>(config, MARK.copy, ['kind', 'id', 'self', 'job', 'vm', 'point', 'at'], uuid)
export const readTestedMark = (config: OtherConfig) => {
  const found = read<TestedMark>(config, MARK.tested, ['at', 'outcome'])
  return found !== undefined && Number.isFinite(found.seconds) ? found : undefined
}
export const readFailoverMark = (config: OtherConfig, uuid: string) =>
  read<FailoverMark>(config, MARK.failover, ['self', 'id', 'job', 'vm', 'sr', 'kind', 'state', 'at', 'point', 'takenAt'], uuid)
export const readHandoverMark = (config: OtherConfig, uuid: string) =>
  read<HandoverMark>(config, MARK.handover, ['self', 'id', 'job', 'sr', 'state', 'was', 'at'], uuid)
export const readHomeMark = (config: OtherConfig, uuid: string) =>
  read<HomeMark>(config, MARK.home, ['self', 'haPriority', 'description'], uuid)
export const readCommonMark = (config: OtherConfig, uuid: string) => read<CommonMark>(config, MARK.common, ['self', 'of', 'disk'], uuid)

/** Text that keeps a VM which handed over from being started; its beginning tells ours from others'. */
export const HANDED_OVER = 'Failed over by Understudy'
/** Name of a clone until everything about it is in place: says that it is nobody's yet. */
export const unfinishedCopy = (kind: 'work' | 'test', id: string): string => `understudy ${kind} ${id} (being made)`
/** What such a name says; undefined for any other name. */
export function readUnfinishedCopy(name: string): { readonly kind: 'work' | 'test'; readonly id: string } | undefined {
  const found = /^understudy (work|test) (\S+) \(being made\)$/.exec(name)
  return found === null ? undefined : { kind: found[1] as 'work' | 'test', id: found[2] as string }
}
/** Name of the snapshot that a VM has before it takes over, until it is tagged. */
export const baseName = (job: string, id: string): string => `understudy ${job} failover ${id}`
/** Of which job; undefined for any other name. */
export const readBaseName = (name: string): string | undefined => /^understudy (\S+) failover /.exec(name)?.[1]
/** Name of the snapshot of an original beside which a new VM is made, for the time of that run. */
export const originName = (job: string, id: string): string => `understudy ${job} origin ${id}`
export const readOriginName = (name: string): string | undefined => /^understudy (\S+) origin /.exec(name)?.[1]
export const TEST_TAG = 'Understudy test failover'
