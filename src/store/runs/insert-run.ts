import type { Run, VmRun } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'
import { rowOfRun } from './run-row.ts'
import { rowOfVmRun } from './vm-run-row.ts'

/** Rows of one statement: PostgreSQL and SQLite both take some ten thousand parameters. */
const ROWS_AT_ONCE = 400

/** A run and its VM runs, as far as they are known; give it a transaction. */
export async function insertRun(db: Queries, run: Run, vmRuns: readonly VmRun[] = []): Promise<void> {
  await db.insertInto('runs').values(rowOfRun(run)).execute()
  await insertVmRuns(db, run, vmRuns)
}

/** More VM runs of a run that is stored already. */
export async function insertVmRuns(db: Queries, run: Run, vmRuns: readonly VmRun[]): Promise<void> {
  const queuedAt = fromTimestamp(run.queuedAt)
  for (let start = 0; start < vmRuns.length; start += ROWS_AT_ONCE) {
    const rows = vmRuns.slice(start, start + ROWS_AT_ONCE).map((vmRun) => ({ ...rowOfVmRun(vmRun, queuedAt), plan: null, report: null }))
    await db.insertInto('vm_runs').values(rows).execute()
  }
}
