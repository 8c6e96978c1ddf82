/** What a user defines: which VMs, to which storage, when, and how. Plain data, as it is stored, exported and sent over the API. */
import type { VerifyMode } from '../report.ts'
import type { RetentionRule } from '../retention.ts'

/** Times are ISO 8601 in UTC (`2026-11-23T14:37:35.000Z`) everywhere in the control plane. */
export type Timestamp = string

/** A storage repository of a registered pool: `pool` is our id of the pool, `sr` the SR's uuid. */
export interface Target {
  readonly pool: string
  readonly sr: string
}

/** Chooses VMs; resolved anew at each run. `pool` is our id of a registered pool, null: any registered pool. */
export type VmSelector =
  | { readonly kind: 'vm'; readonly pool: string; readonly vm: string }
  /** XAPI tag, compared exactly. */
  | { readonly kind: 'tag'; readonly pool: string | null; readonly tag: string }
  /** `*` and `?` stand for any text and any character; upper and lower case are one. The whole name has to match. */
  | { readonly kind: 'name'; readonly pool: string | null; readonly pattern: string }
  | { readonly kind: 'pool'; readonly pool: string }

export interface Selection {
  /** A VM that any of these chooses… */
  readonly include: readonly VmSelector[]
  /** …and none of these. */
  readonly exclude: readonly VmSelector[]
}

export type Timing =
  /** Every so many minutes (1 to 10,080), at multiples of it since the epoch plus the job's spread. */
  | { readonly kind: 'interval'; readonly minutes: number }
  /** Five fields, in a time zone by its IANA name. */
  | { readonly kind: 'cron'; readonly expression: string; readonly timeZone: string }

/** Settings of the engine and of the job. What is left out is what `DEFAULT_SETTINGS` says. */
export interface JobSettings {
  readonly verify?: VerifyMode
  /** See core/broken-chain.ts. */
  readonly onBrokenChain?: 'full' | 'refuse' | 'repair'
  /** Rules as `understudy replicate --limit` takes them (core/bandwidth.ts), in the server's local time. */
  readonly limits?: readonly string[]
  /** uuid of a network of the source → uuid of the target's, null: left disconnected. */
  readonly networks?: Readonly<Record<string, string | null>>
  /** Disks that are left out: uuids of VDIs. */
  readonly excludeDisks?: readonly string[]
  readonly allowInsecureNbd?: boolean
  /** Carries the memory of running VMs as well (checkpoint). */
  readonly memory?: boolean
  /** VMs of one run at once. */
  readonly vmsAtOnce?: number
  /** Disks of one VM at once. */
  readonly disksAtOnce?: number
  /** More attempts of a VM run that failed for a reason that may pass (pool away, connection broken), within the same run. */
  readonly retries?: number
  /** Minutes that a VM run may take; then it is cancelled. */
  readonly timeoutMinutes?: number
  /** Minutes that are waited for a VM under migration or a chain that coalesces. */
  readonly waitMinutes?: number
  /** Asked RPO in minutes; null: made of the schedules (the longest gap between ticks, plus half of it). */
  readonly rpoMinutes?: number | null
  /** Whether notifications are sent for this job. */
  readonly notify?: boolean
  /** Test failovers of the newest restore point, begun by themselves after runs; null: none. */
  readonly healthCheck?: HealthCheck | null
}

export interface HealthCheck {
  /** After every so many successful runs of a VM, or after the first one of each day (UTC). */
  readonly every: { readonly kind: 'runs'; readonly count: number } | { readonly kind: 'day' }
  /** When it counts as up: as recovery plans say it (`tools`, `tcp:5432`, `script:/PATH`…), in this order. */
  readonly ready: readonly string[]
  readonly readyTimeoutSeconds: number
}

/** A VM of the job that failed over, and whose protection was turned round: it is run in the direction back in place of the original. */
export interface TurnedVm {
  readonly original: { readonly pool: string; readonly vm: string }
  readonly pool: string
  readonly vm: string
  readonly name: string
  readonly target: Target
  /** Goes before the settings' networks. */
  readonly networks: Readonly<Record<string, string | null>>
}

export type EffectiveSettings = Required<JobSettings>

export const DEFAULT_SETTINGS: EffectiveSettings = {
  verify: 'sample',
  onBrokenChain: 'full',
  limits: [],
  networks: {},
  excludeDisks: [],
  allowInsecureNbd: false,
  memory: false,
  vmsAtOnce: 2,
  disksAtOnce: 4,
  retries: 2,
  timeoutMinutes: 24 * 60,
  waitMinutes: 5,
  rpoMinutes: null,
  notify: true,
  healthCheck: null,
}

export interface ScheduleSpec {
  readonly name: string
  readonly enabled: boolean
  readonly timing: Timing
  readonly retention: RetentionRule
  /** Outweigh the job's. */
  readonly settings: JobSettings
}

export interface Schedule extends ScheduleSpec {
  /** uuid, stable: restore points carry it. */
  readonly id: string
}

export interface JobSpec {
  readonly name: string
  readonly enabled: boolean
  readonly selection: Selection
  /** At least one; the VMs of a run are read once for all of them. */
  readonly targets: readonly Target[]
  readonly settings: JobSettings
}

export interface Job extends JobSpec {
  /** uuid, stable: replicas and restore points carry it. */
  readonly id: string
  readonly schedules: readonly Schedule[]
  /** Changed by turning protection round and going back only. */
  readonly turned: readonly TurnedVm[]
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  /** Grows with each change; a change names the one that it was made of. */
  readonly version: number
}

/** The schedule's settings before the job's before the defaults. */
export function effectiveSettings(job: JobSettings, schedule: JobSettings = {}): EffectiveSettings {
  return { ...DEFAULT_SETTINGS, ...defined(job), ...defined(schedule) }
}

function defined(settings: JobSettings): JobSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}
