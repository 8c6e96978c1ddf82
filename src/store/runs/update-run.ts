import type { Run } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'
import { rowOfRun } from './run-row.ts'

/** What changes in a run: state, reason, times, totals. */
export async function updateRun(db: Queries, run: Run): Promise<void> {
  const { state, reason, started_at, ended_at, totals } = rowOfRun(run)
  await db.updateTable('runs').set({ state, reason, started_at, ended_at, totals }).where('id', '=', run.id).execute()
}
