/**
 * Long operations that are no runs: reading back, cloning, testing, failing over and back, recovery plans, seeding. Each is stored, with
 * what it does at this moment, what it did when, and what came of it. Plain data, as it is sent over the API; sizes in bytes.
 */
import type { Reason } from '../base.ts'
import type { Evidence } from '../failover/readiness.ts'
import type { Actor } from './audit.ts'
import type { Target, Timestamp } from './job.ts'
import type { PageRequest } from './page.ts'
import type { PlanRunMode } from './recovery-plan-record.ts'
import type { RunFailure } from './run-record.ts'

export const ACTIVITY_KINDS = [
  'verify',
  'clone',
  'test-failover',
  'clean-up',
  'fence',
  'failover',
  'planned-failover',
  'undo-failover',
  'reprotect',
  'failback',
  'plan',
  'seed-snapshot',
  'seed-export',
  'seed-import',
  'seed-link',
] as const
export type ActivityKind = (typeof ACTIVITY_KINDS)[number]

/**
 * `queued`: it waits for something (`waitingFor`). `done`: it was carried out, whatever its result says. `interrupted`: the server ended in
 * the middle; the pools tell how far it got.
 */
export const ACTIVITY_STATES = ['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'] as const
export type ActivityState = (typeof ACTIVITY_STATES)[number]
export const ENDED_ACTIVITY_STATES: readonly ActivityState[] = ['done', 'failed', 'cancelled', 'interrupted']

/** What it is about; null: that is none of it. */
export interface ActivitySubject {
  readonly job: string | null
  readonly jobName: string | null
  readonly sourcePool: string | null
  /** The source VM. */
  readonly vm: { readonly uuid: string; readonly name: string } | null
  readonly target: Target | null
  readonly plan: { readonly id: string; readonly name: string } | null
  /** Name of a folder with a seed. */
  readonly seed: string | null
}

/** Why it was begun. `continued`: an activity that was interrupted goes on. */
export type ActivityCause =
  | { readonly kind: 'hand' }
  | { readonly kind: 'health-check'; readonly run: string }
  | { readonly kind: 'continued'; readonly activity: string }

/** What moves at this moment, all disks together. */
export interface ActivityProgress {
  readonly what: string
  readonly bytesDone: number
  readonly bytesExpected: number | null
  /** Over the last seconds. */
  readonly bytesPerSecond: number | null
  readonly secondsLeft: number | null
}

/** How one VM of a recovery plan goes. */
export interface PlanVmProgress {
  readonly group: string
  /** uuid of the source VM */
  readonly vm: string
  readonly name: string
  /** `waiting`: it was not begun. */
  readonly state: 'waiting' | 'working' | 'up' | 'failed' | 'skipped'
  /** What it is at, how it is known to be up, or why it is not. */
  readonly text: string
  readonly startedAt: Timestamp | null
  readonly endedAt: Timestamp | null
}

export interface PlanRunProgress {
  readonly mode: PlanRunMode
  /** In the plan's order. */
  readonly vms: readonly PlanVmProgress[]
}

export interface Activity {
  readonly id: string
  readonly kind: ActivityKind
  readonly state: ActivityState
  readonly subject: ActivitySubject
  readonly by: Actor
  readonly cause: ActivityCause
  readonly queuedAt: Timestamp
  readonly startedAt: Timestamp | null
  readonly endedAt: Timestamp | null
  readonly waitingFor: string | null
  /** The step it is at: a short name, and in words. */
  readonly stage: { readonly name: string; readonly text: string } | null
  readonly progress: ActivityProgress | null
  /** Of a run of a recovery plan: how it goes; null: it is none. */
  readonly planRun: PlanRunProgress | null
  readonly result: ActivityResult | null
  readonly error: RunFailure | null
  /** Whether it can be gone on with: it was interrupted, or failed in a way that leaves it half done. */
  readonly canContinue: boolean
}

export interface TimelineLine {
  readonly at: Timestamp
  readonly level: 'info' | 'warning' | 'error'
  /** Name of the step that begins; null: something that is told in it. */
  readonly step: string | null
  readonly text: string
}

/** What is fetched one at a time. */
export interface ActivityDetail extends Activity {
  readonly timeline: readonly TimelineLine[]
  /** The engine's own report, as the command of the same name prints it with `--json`; null: it has not got that far. */
  readonly report: Readonly<Record<string, unknown>> | null
}

export interface ActivityFilter extends PageRequest {
  readonly kind?: readonly ActivityKind[]
  readonly state?: readonly ActivityState[]
  readonly job?: string
  /** uuid of the source VM; of plans: of any of its VMs */
  readonly vm?: string
  readonly plan?: string
  readonly since?: Timestamp
  readonly until?: Timestamp
}

interface NamedVm {
  readonly uuid: string
  readonly name: string
}
interface Point {
  readonly uuid: string
  readonly takenAt: Timestamp
}
/** Whether what was started came up, and how that is known. */
interface CameUp {
  readonly evidence: readonly Evidence[]
  readonly addresses: readonly string[]
  readonly warnings: readonly Reason[]
}

export type ActivityResult =
  | { readonly kind: 'verify'; readonly equal: boolean; readonly mode: string; readonly restorePoint: string; readonly text: string }
  | { readonly kind: 'clone'; readonly vm: NamedVm; readonly point: Point; readonly seconds: number }
  | TestResult
  | { readonly kind: 'clean-up'; readonly vms: readonly string[]; readonly networks: readonly string[] }
  /** Names of originals: that can't be started any more, that could not before, and that run beside what took over from them. */
  | {
      readonly kind: 'fence'
      readonly blocked: readonly string[]
      readonly wereBlocked: readonly string[]
      readonly running: readonly string[]
    }
  | (CameUp & {
      readonly kind: 'failover'
      readonly vm: NamedVm
      readonly point: Point
      readonly clone: boolean
      /** null: nobody asked. */
      readonly ready: boolean | null
      /** From the beginning to a VM that is ready, or started when nothing was asked. */
      readonly rtoSeconds: number
      readonly lossSeconds: number
      readonly lost: readonly Reason[]
    })
  | (CameUp & {
      readonly kind: 'planned-failover'
      readonly vm: NamedVm
      readonly point: Point
      readonly ready: boolean | null
      readonly rtoSeconds: number
      /** From the beginning of the shutdown until the replica was up. */
      readonly downSeconds: number
      readonly bytesSent: number
    })
  | { readonly kind: 'undo-failover'; readonly vm: NamedVm; readonly removed: boolean; readonly sourceFreed: boolean }
  | {
      readonly kind: 'reprotect'
      readonly how: 'in-place' | 'beside' | 'new'
      readonly replica: string
      readonly restorePoint: Point
      readonly changedBytes: number
      readonly bytesSent: number
      readonly warnings: readonly Reason[]
    }
  | {
      readonly kind: 'failback'
      readonly vm: NamedVm
      readonly downSeconds: number
      readonly changedBytes: number
      readonly bytesSent: number
      readonly protectedAgain: boolean
      /** Why it is not; null: it is, or was not to be. */
      readonly unprotected: string | null
      readonly warnings: readonly Reason[]
    }
  | {
      readonly kind: 'plan'
      readonly mode: PlanRunMode
      readonly ok: boolean
      readonly up: number
      readonly failed: number
      readonly skipped: number
      readonly seconds: number
      readonly removed: boolean
      readonly vms: readonly PlanVmResult[]
    }
  | { readonly kind: 'seed-snapshot'; readonly snapshot: string; readonly name: string; readonly warnings: readonly Reason[] }
  | {
      readonly kind: 'seed-export'
      readonly folder: string
      readonly snapshot: string
      readonly bytesRead: number
      readonly bytesStored: number
      readonly warnings: readonly Reason[]
    }
  | SeedResult<'seed-import'>
  | SeedResult<'seed-link'>

export interface TestResult extends CameUp {
  readonly kind: 'test-failover'
  readonly outcome: 'ready' | 'not-ready'
  /** What was started; null: it was not even made. */
  readonly vm: NamedVm | null
  readonly point: Point
  /** The recovery time achieved: from the beginning to a VM that is ready, or until it was given up. */
  readonly rtoSeconds: number
  readonly seconds: { readonly clone: number; readonly start: number; readonly ready: number }
  /** What a failover at that moment would have lost. */
  readonly lossSeconds: number
  readonly removed: boolean
}

export interface PlanVmResult {
  readonly group: string
  readonly vm: string
  readonly name: string | null
  readonly outcome: 'up' | 'failed' | 'skipped'
  readonly text: string
  readonly runs: string | null
  readonly rtoSeconds: number | null
  readonly lossSeconds: number | null
}

interface SeedResult<Kind extends string> {
  readonly kind: Kind
  readonly status: 'linked' | 'already-linked'
  readonly replica: string
  readonly restorePoint: string
  readonly bytesSent: number
  readonly bytesCompared: number
  readonly warnings: readonly Reason[]
}

/** The last test failover of a chain that was begun by itself. */
export interface HealthCheckState {
  readonly at: Timestamp
  readonly ok: boolean
  readonly rtoSeconds: number | null
  readonly activity: string
  readonly restorePoint: string | null
  /** Why it is not well; empty: it is. */
  readonly text: string
}
