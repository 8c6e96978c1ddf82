import type { Job } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { jobOfRow } from './job-row.ts'

export async function findJob(db: Queries, id: string): Promise<Job | undefined> {
  const row = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) return undefined
  const schedules = await db.selectFrom('schedules').selectAll().where('job_id', '=', id).orderBy('position').orderBy('id').execute()
  return jobOfRow(row, schedules)
}
