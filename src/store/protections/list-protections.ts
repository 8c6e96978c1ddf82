import type { Queries } from '../open-store.ts'
import { protectionOfRow, type StoredProtection } from './protection-row.ts'

/** All chains, or one job's: some thousands at most, one a VM and target. */
export async function listProtections(db: Queries, job?: string): Promise<StoredProtection[]> {
  let query = db.selectFrom('protections').selectAll()
  if (job !== undefined) query = query.where('job_id', '=', job)
  const rows = await query.orderBy('job_id').orderBy('vm_uuid').orderBy('target_pool').orderBy('target_sr').execute()
  return rows.map(protectionOfRow)
}
