import type { Queries } from '../open-store.ts'
import { rowOfProtection, type StoredProtection } from './protection-row.ts'

/** Stores a chain as it is now, in place of what was known of it. */
export async function putProtection(db: Queries, protection: StoredProtection): Promise<void> {
  const row = rowOfProtection(protection)
  await db
    .insertInto('protections')
    .values(row)
    .onConflict((on) => on.columns(['job_id', 'source_pool', 'vm_uuid', 'target_pool', 'target_sr']).doUpdateSet(row))
    .execute()
}
