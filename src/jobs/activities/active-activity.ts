/** Activities that have not ended, as they are in memory. */
import type { Activity, PlanRunProgress, TimelineLine } from '../../core/control/activity.ts'
import type { Timestamp } from '../../core/control/job.ts'
import type { TransferRate } from '../../core/control/transfer-rate.ts'

/** What its work is given. */
export interface ActivityContext {
  readonly id: string
  /** Aborts when it is cancelled, or the server closes. */
  readonly signal: AbortSignal
  /** A step begins. */
  step(name: string, text: string): void
  log(level: TimelineLine['level'], text: string): void
  /** Bytes of one part, such as a disk; all parts of the same `what` are shown together. */
  bytes(part: string, what: string, done: number, expected: number | null): void
  /** How the VMs of a recovery plan go. */
  planRun(change: (before: PlanRunProgress | null, now: Timestamp) => PlanRunProgress | null): void
  /** Keeps runs off a VM (`POOL/UUID`) until it ends, once what has it now is through. */
  reserve(vm: string): Promise<void>
}

export interface Moving {
  readonly what: string
  readonly parts: Map<string, { readonly done: number; readonly expected: number | null }>
  readonly rate: TransferRate
}

export interface ActiveActivity {
  /** Replaced by a new one at each change. */
  record: Activity
  /** Not stored yet. */
  readonly lines: TimelineLine[]
  moving: Moving | undefined
  toldAt: number
  readonly claims: readonly string[]
  readonly releases: (() => void)[]
  readonly cancel: AbortController
}

export type ActivityStop = 'cancelled' | 'closing'

/** What the abort signal carries. */
export class ActivityStopped extends Error {
  readonly why: ActivityStop
  constructor(why: ActivityStop) {
    super(`the activity was stopped: ${why}`)
    this.why = why
  }
}
