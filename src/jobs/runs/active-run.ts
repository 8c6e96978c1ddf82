/** Runs that have not ended, as they are in memory: their records are what lists and events show. */
import type { EffectiveSettings, Target } from '../../core/control/job.ts'
import type { QueueEntry } from '../../core/control/run-queue.ts'
import type { LogLine, Run, VmRun } from '../../core/control/run-record.ts'
import type { TransferRate } from '../../core/control/transfer-rate.ts'
import type { VmRunPlan } from '../../core/plan.ts'
import type { RetentionRule } from '../../core/retention.ts'

export interface ActiveVmRun {
  /** Replaced by a new one at each change. */
  record: VmRun
  plan: VmRunPlan | undefined
  /** Neither are stored yet. */
  unstoredPlan: VmRunPlan | undefined
  readonly lines: LogLine[]
  readonly rates: Map<string, TransferRate>
  /** When its progress was told last. */
  toldAt: number
  readonly cancel: AbortController
}

/** The VM runs of one VM of a run: they begin together, and the source is read once for all of them. */
export interface Unit {
  readonly run: ActiveRun
  readonly sourcePool: string
  readonly vm: string
  readonly vmRuns: readonly ActiveVmRun[]
  /** Of the attempt that is queued or under way. */
  entry: QueueEntry
  /** Those of `vmRuns` that this attempt is for. */
  attempting: readonly ActiveVmRun[]
  attempt: number
  startedAt: number | null
  phase: 'queued' | 'under-way' | 'pausing' | 'over'
  /** Call off the wake-ups at the end of a pause, and when the time is over. */
  endPause: (() => void) | null
  endTimeout: (() => void) | null
  readonly stop: AbortController
}

export interface ActiveRun {
  record: Run
  readonly scheduleId: string
  readonly retention: RetentionRule
  readonly settings: EffectiveSettings
  /** Networks of a VM that go before the settings': of one whose protection was turned round. */
  readonly networksOf: (pool: string, vm: string) => Readonly<Record<string, string | null>>
  readonly vmRuns: ActiveVmRun[]
  readonly units: Unit[]
}

/** Why a unit is stopped: what becomes of its VM runs depends on it. */
export type StopReason = 'cancelled' | 'closing' | 'timed-out'

/** What an abort signal of a unit or VM run carries. */
export class Stopped extends Error {
  readonly why: StopReason
  constructor(why: StopReason) {
    super(`the run was stopped: ${why}`)
    this.why = why
  }
}

/** Names a chain of restore points. */
export const chainKey = (pool: string, vm: string, target: Target): string => `${pool}/${vm}/${target.pool}/${target.sr}`
