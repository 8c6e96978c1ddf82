/** Whether a test failover is to begin by itself after a run that succeeded. Pure. */
import type { HealthCheck } from './job.ts'

export interface HealthCheckFacts {
  /** Successful runs of the chain since the last one was begun, this one included. */
  readonly runsSince: number
  /** When the last one was begun; milliseconds. */
  readonly begunAt: number | null
  readonly now: number
}

const DAY_MS = 86_400_000

export function isHealthCheckDue({ every }: HealthCheck, { runsSince, begunAt, now }: HealthCheckFacts): boolean {
  if (every.kind === 'runs') return runsSince >= every.count
  // Of another day, whichever way the clock was set meanwhile.
  return begunAt === null || Math.floor(begunAt / DAY_MS) !== Math.floor(now / DAY_MS)
}
