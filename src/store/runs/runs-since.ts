import type { RunState, RunTotals } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'

/** Runs queued since, by state, and what they sent. Skipped ones do not count for anything but their state. */
export async function runsSince(db: Queries, since: number): Promise<{ runs: Partial<Record<RunState, number>>; bytesSent: number }> {
  const rows = await db.selectFrom('runs').select(['state', 'totals']).where('queued_at', '>=', since).where('dry_run', '=', 0).execute()
  const runs: Partial<Record<RunState, number>> = {}
  let bytesSent = 0
  for (const row of rows) {
    const state = row.state as RunState
    runs[state] = (runs[state] ?? 0) + 1
    bytesSent += (JSON.parse(row.totals) as RunTotals).bytesSent
  }
  return { runs, bytesSent }
}
