/** Recovery plans as the server keeps and runs them. Plain data, as it is sent over the API. */
import type { Reason } from '../base.ts'
import type { FailoverConfirmation } from './failover-request.ts'
import type { Target, Timestamp } from './job.ts'

export interface PlanVm {
  /** uuid of the source VM */
  readonly vm: string
  /** Where its replica is. */
  readonly target: Target
  /** Needed when several jobs have a replica of it there; null: the only one. */
  readonly job: string | null
  /** In place of the plan's. */
  readonly ready?: readonly string[]
  readonly readyTimeoutSeconds?: number
}

export interface PlanGroupSpec {
  readonly name: string
  /** To wait before it begins. */
  readonly delaySeconds: number
  /** Programs on the manager, run before its first VM starts and after its last one is up; null: none. */
  readonly before: string | null
  readonly after: string | null
  /** Started at once; the next group begins when all of them are up. */
  readonly vms: readonly PlanVm[]
}

export interface RecoveryPlanSpec {
  readonly name: string
  readonly description: string
  /** What becomes of the groups behind one that failed. */
  readonly onFailure: 'stop' | 'continue'
  /** As `ReadinessWish.checks`. */
  readonly ready: readonly string[]
  readonly readyTimeoutSeconds: number
  /** Limit of each program. */
  readonly scriptTimeoutSeconds: number
  /** Network of the replicas (uuid) → network, null: left disconnected. */
  readonly networks: Readonly<Record<string, string | null>>
  readonly groups: readonly PlanGroupSpec[]
}

export interface RecoveryPlanRecord extends RecoveryPlanSpec {
  readonly id: string
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  /** Grows with each change; a change names the one that it was made of. */
  readonly version: number
}

/** `unplanned`: the source pools need not answer. */
export type PlanRunMode = 'test' | 'planned' | 'unplanned'

export interface StartPlan extends FailoverConfirmation {
  readonly mode: PlanRunMode
  /** Of a test: the VMs stay, running. */
  readonly keep?: boolean
  /** Of an unplanned one: although sources run. */
  readonly evenIfSourceRuns?: boolean
  readonly shutdown?: 'clean' | 'hard'
  readonly shutdownTimeoutSeconds?: number
}

/** What is wrong with a plan as the pools are now; `vm` null: with the plan itself. */
export interface PlanProblem {
  readonly group: string | null
  readonly vm: string | null
  readonly code: string
  readonly text: string
}

export interface PlanCheck {
  readonly ok: boolean
  readonly problems: readonly PlanProblem[]
  readonly vms: readonly {
    readonly group: string
    readonly vm: string
    readonly name: string
    readonly point: { readonly uuid: string; readonly takenAt: Timestamp } | null
    /** Age of its newest restore point. */
    readonly lossSeconds: number | null
  }[]
}

export interface PlanPreview extends PlanCheck {
  readonly mode: PlanRunMode
  readonly title: string
  readonly happens: readonly Reason[]
  readonly lost: readonly Reason[]
  readonly costs: readonly Reason[]
  readonly warnings: readonly Reason[]
  /** Name of the plan, to be typed; null: nothing. */
  readonly confirm: string | null
}
