import type { Job, Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'
import { rowOfJob, rowOfSchedule } from './job-row.ts'

/** `changed`: somebody else was faster, the job is at another version by now. `gone`: there is no such job (any more). */
export type Replaced = { readonly kind: 'replaced'; readonly version: number } | { readonly kind: 'changed' } | { readonly kind: 'gone' }

/**
 * Stores a job as it is now, schedules included: those that it has not any more are removed, those that stay keep their last tick. Made of
 * version `job.version`, which has to be the stored one; the stored one is one higher afterwards. Give it a transaction.
 */
export async function replaceJob(db: Queries, job: Job, updatedAt: Timestamp): Promise<Replaced> {
  const { name, enabled, spec } = rowOfJob(job)
  const version = job.version + 1
  const { numUpdatedRows } = await db
    .updateTable('jobs')
    .set({ name, enabled, spec, version, updated_at: fromTimestamp(updatedAt) })
    .where('id', '=', job.id)
    .where('version', '=', job.version)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) {
    const exists = await db.selectFrom('jobs').select('id').where('id', '=', job.id).executeTakeFirst()
    return { kind: exists ? 'changed' : 'gone' }
  }
  let removal = db.deleteFrom('schedules').where('job_id', '=', job.id)
  if (job.schedules.length > 0)
    removal = removal.where(
      'id',
      'not in',
      job.schedules.map((schedule) => schedule.id),
    )
  await removal.execute()
  for (const [position, schedule] of job.schedules.entries()) {
    const { id, ...fields } = rowOfSchedule(schedule)
    const { numUpdatedRows: kept } = await db
      .updateTable('schedules')
      .set({ ...fields, position })
      .where('id', '=', id)
      .where('job_id', '=', job.id)
      .executeTakeFirst()
    if (kept > 0n) continue
    await db
      .insertInto('schedules')
      .values({ id, ...fields, job_id: job.id, position, last_tick: null })
      .execute()
  }
  return { kind: 'replaced', version }
}
