/** What happened: runs and their VM runs, as they are stored, shown and sent over the API. Sizes in bytes. */
import type { Reason } from '../base.ts'
import type { VmRunPlan } from '../plan.ts'
import type { RunReport, RunStage } from '../report.ts'
import type { Target, Timestamp } from './job.ts'

/** Why a run exists. `caught-up`: a tick that was missed while the server was down. */
export type Trigger =
  | { readonly kind: 'schedule'; readonly tick: Timestamp }
  | { readonly kind: 'caught-up'; readonly tick: Timestamp; readonly missed: number }
  | { readonly kind: 'hand'; readonly by: string }

/**
 * `partial`: some VM runs succeeded and some did not. `interrupted`: the server ended in the middle. `skipped`: nothing was begun, and
 * `reason` says why (no VM matches, the run before is still under way).
 */
export type RunState = 'queued' | 'running' | 'success' | 'partial' | 'failed' | 'cancelled' | 'interrupted' | 'skipped'
export const ENDED_RUN_STATES: readonly RunState[] = ['success', 'partial', 'failed', 'cancelled', 'interrupted', 'skipped']

export interface Run {
  readonly id: string
  readonly job: string
  /** As it was called then: a job may be gone. */
  readonly jobName: string
  /** null: by hand, with the job's own settings. */
  readonly schedule: string | null
  readonly scheduleName: string | null
  readonly trigger: Trigger
  readonly state: RunState
  /** Plans are made and shown; nothing is changed. */
  readonly dryRun: boolean
  readonly reason: Reason | null
  readonly queuedAt: Timestamp
  readonly startedAt: Timestamp | null
  readonly endedAt: Timestamp | null
  readonly totals: RunTotals
}

export interface RunTotals {
  /** VM runs: one a VM and target. */
  readonly vms: number
  readonly succeeded: number
  readonly failed: number
  readonly changedBytes: number
  readonly bytesRead: number
  readonly bytesSent: number
  /** Disks that went whole. */
  readonly fulls: number
}

export type VmRunState = 'queued' | 'waiting' | 'running' | 'success' | 'failed' | 'cancelled' | 'interrupted' | 'skipped'

export interface RunFailure {
  /** Of docs/errors.md. */
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** A VM of a run to one target. `waiting`: something holds it up (`waitingFor`), such as a limit of its pool. */
export interface VmRun {
  readonly id: string
  readonly run: string
  readonly job: string
  readonly schedule: string | null
  readonly sourcePool: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly target: Target
  readonly state: VmRunState
  readonly stage: RunStage | null
  readonly waitingFor: string | null
  readonly attempt: number
  readonly queuedAt: Timestamp
  readonly startedAt: Timestamp | null
  readonly endedAt: Timestamp | null
  readonly disks: readonly DiskProgress[]
  readonly error: RunFailure | null
  readonly warnings: readonly Reason[]
  readonly restorePoint: { readonly uuid: string; readonly takenAt: Timestamp } | null
  readonly replica: string | null
}

export interface DiskProgress {
  readonly userdevice: string
  readonly name: string
  readonly what: 'transfer' | 'verify'
  readonly bytesDone: number
  readonly bytesExpected: number | null
  /** Over the last seconds. */
  readonly bytesPerSecond: number | null
  readonly secondsLeft: number | null
}

/** What is stored beside a VM run, and fetched one at a time. */
export interface VmRunDetail extends VmRun {
  readonly plan: VmRunPlan | null
  readonly report: RunReport | null
  readonly log: readonly LogLine[]
}

export interface LogLine {
  readonly at: Timestamp
  readonly level: 'info' | 'warning' | 'error'
  readonly text: string
}
