import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

/**
 * At the start of a server: what the one before left unfinished was interrupted. Ids of those runs and VM runs. Their totals stay as they
 * were stored last. Give it a transaction.
 */
export async function markInterrupted(db: Queries, at: Timestamp): Promise<{ runs: readonly string[]; vmRuns: readonly string[] }> {
  const end = { state: 'interrupted', ended_at: fromTimestamp(at) }
  const vmRuns = await db.selectFrom('vm_runs').select('id').where('ended_at', 'is', null).execute()
  await db.updateTable('vm_runs').set(end).where('ended_at', 'is', null).execute()
  const runs = await db.selectFrom('runs').select('id').where('ended_at', 'is', null).execute()
  await db.updateTable('runs').set(end).where('ended_at', 'is', null).execute()
  return { runs: runs.map(({ id }) => id), vmRuns: vmRuns.map(({ id }) => id) }
}
