import type { Queries } from '../open-store.ts'
import type { StoredProtection } from './protection-row.ts'

/** Of a job that is gone. */
export async function deleteProtectionsOfJob(db: Queries, job: string): Promise<void> {
  await db.deleteFrom('protections').where('job_id', '=', job).execute()
}

/** Of a VM that its job does not choose any more, or of a target that it has not any more. */
export async function deleteProtection(
  db: Queries,
  { job, sourcePool, vm, target }: Pick<StoredProtection, 'job' | 'sourcePool' | 'vm' | 'target'>,
): Promise<void> {
  await db
    .deleteFrom('protections')
    .where('job_id', '=', job)
    .where('source_pool', '=', sourcePool)
    .where('vm_uuid', '=', vm.uuid)
    .where('target_pool', '=', target.pool)
    .where('target_sr', '=', target.sr)
    .execute()
}
