/** What carries out the runs of one VM: the real one is the replication engine, another one stands in for it in tests of scale. */
import type { EffectiveSettings, Target } from '../core/control/job.ts'
import type { LogLine } from '../core/control/run-record.ts'
import type { VmRunPlan } from '../core/plan.ts'
import type { RunEvent, RunReport } from '../core/report.ts'
import type { RetentionRule } from '../core/retention.ts'

export interface EngineRequest {
  readonly run: string
  readonly job: string
  /** The job's own id when there is no schedule. */
  readonly schedule: string
  readonly sourcePool: string
  readonly vm: string
  /** Several: the source is read once for all of them. */
  readonly targets: readonly Target[]
  readonly retention: RetentionRule
  readonly settings: EffectiveSettings
  readonly dryRun: boolean
  /** Ends all of it. */
  readonly signal: AbortSignal
  /** For each target by its place: ends this one only. */
  readonly targetSignals: readonly AbortSignal[]
  /** For each target by its place in `targets`. */
  readonly onEvent: (target: number, event: RunEvent) => void
  readonly onPlan: (target: number, plan: VmRunPlan) => void
  readonly onLog: (target: number | null, line: Omit<LogLine, 'at'>) => void
}

export type EngineOutcome =
  | { readonly kind: 'done'; readonly report: RunReport }
  | { readonly kind: 'planned'; readonly plan: VmRunPlan }
  /** `error` is a Failure, or what was not foreseen; `passing`: another attempt may succeed. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly passing: boolean }
  | { readonly kind: 'cancelled' }

export interface Engine {
  /** One outcome a target, in their order; never rejects. */
  replicate(request: EngineRequest): Promise<readonly EngineOutcome[]>
}
