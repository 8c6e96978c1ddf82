/** What maintenance windows hold up. Pure. */
import type { MaintenanceWindow } from './settings.ts'

/** What a window is asked about: a job as a whole, or its part on some pools. */
export interface Concerned {
  readonly job: string
  /** Empty: the job as a whole, which windows of single pools do not hold up. */
  readonly pools: readonly string[]
}

/** When the last of the windows that hold this up one after the other ends; null: none does at `now`. */
export function heldUntil(windows: readonly MaintenanceWindow[], now: number, concerned: Concerned): number | null {
  const holding = windows
    .filter((window) => concerns(window, concerned))
    .map(({ from, until }) => [Date.parse(from), Date.parse(until)] as const)
  let at = now
  for (let end = lastEnd(holding, at); end !== null; end = lastEnd(holding, at)) at = end
  return at === now ? null : at
}

function lastEnd(windows: readonly (readonly [from: number, until: number])[], at: number): number | null {
  const ends = windows.filter(([from, until]) => from <= at && until > at).map(([, until]) => until)
  return ends.length === 0 ? null : Math.max(...ends)
}

function concerns({ job, pool }: MaintenanceWindow, concerned: Concerned): boolean {
  return (job === null || job === concerned.job) && (pool === null || concerned.pools.includes(pool))
}

/** The next instant after `now` at which a window begins or ends; null: none does. */
export function nextWindowChange(windows: readonly MaintenanceWindow[], now: number): number | null {
  const changes = windows.flatMap(({ from, until }) => [Date.parse(from), Date.parse(until)]).filter((at) => at > now)
  return changes.length === 0 ? null : Math.min(...changes)
}
