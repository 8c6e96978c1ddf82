/** What comes of a run when its VM runs have ended, and whether a failed one is tried again. Pure. */
import type { RunReport } from '../report.ts'
import type { RunState, RunTotals, VmRunState } from './run-record.ts'

const ENDED: ReadonlySet<VmRunState> = new Set(['success', 'failed', 'cancelled', 'interrupted', 'skipped'])

export const hasEnded = (state: VmRunState): boolean => ENDED.has(state)

/** Undefined while one of them has not ended. */
export function runStateOf(states: readonly VmRunState[]): RunState | undefined {
  if (!states.every(hasEnded)) return undefined
  const any = (state: VmRunState) => states.includes(state)
  if (any('interrupted')) return 'interrupted'
  if (any('cancelled')) return 'cancelled'
  if (any('failed')) return any('success') ? 'partial' : 'failed'
  return any('success') ? 'success' : 'skipped'
}

export const NO_TOTALS: RunTotals = { vms: 0, succeeded: 0, failed: 0, changedBytes: 0, bytesRead: 0, bytesSent: 0, fulls: 0 }

/** Totals with one more VM run that has ended. */
export function addToTotals(totals: RunTotals, state: VmRunState, report: RunReport | null): RunTotals {
  return {
    vms: totals.vms,
    succeeded: totals.succeeded + (state === 'success' ? 1 : 0),
    failed: totals.failed + (state === 'failed' ? 1 : 0),
    changedBytes: totals.changedBytes + (report?.totals.changedBytes ?? 0),
    bytesRead: totals.bytesRead + (report?.totals.bytesRead ?? 0),
    bytesSent: totals.bytesSent + (report?.totals.bytesSent ?? 0),
    fulls: totals.fulls + (report?.disks.filter(({ mode }) => mode === 'full').length ?? 0),
  }
}

const PAUSES_SECONDS = [30, 120, 300]

/** Milliseconds until the next attempt after `attempt` (from 1); undefined: there is none. */
export function pauseBeforeRetry(attempt: number, retries: number, passing: boolean): number | undefined {
  if (!passing || attempt > retries) return undefined
  return (PAUSES_SECONDS[Math.min(attempt, PAUSES_SECONDS.length) - 1] as number) * 1000
}
