/** How well each VM is protected: asked and achieved RPO. Data; the decision is `judgeProtection`. */
import type { HealthCheckState } from './activity.ts'
import type { Target, Timestamp } from './job.ts'
import type { RunFailure } from './run-record.ts'

/**
 * - `protected`: the newest restore point is younger than the asked RPO
 * - `at-risk`: older than four fifths of it, or the last run failed
 * - `missed`: older than the asked RPO
 * - `pending`: there is no restore point yet, and the first run has not failed
 * - `paused`: its job or all its schedules are disabled
 * - `failed-over`: the replica has taken over
 * - `unprotected`: no job chooses it
 */
export type ProtectionState = 'protected' | 'at-risk' | 'missed' | 'pending' | 'paused' | 'failed-over' | 'unprotected'

/** One VM, job and target. For `unprotected` VMs `job` and `target` are null. */
export interface Protection {
  readonly sourcePool: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly job: string | null
  readonly jobName: string | null
  readonly target: Target | null
  readonly state: ProtectionState
  /** In words, with the numbers. */
  readonly reason: string
  readonly askedRpoSeconds: number | null
  /** Age of the newest restore point by the time of its source snapshot. */
  readonly achievedRpoSeconds: number | null
  readonly newestPoint: { readonly uuid: string; readonly takenAt: Timestamp } | null
  readonly replica: string | null
  readonly lastRun: { readonly vmRun: string; readonly state: string; readonly endedAt: Timestamp | null } | null
  readonly lastError: RunFailure | null
  /** The last test failover that was begun by itself; null: none was. */
  readonly lastHealthCheck: HealthCheckState | null
}
