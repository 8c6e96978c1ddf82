import type { Job } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { rowOfJob, rowOfSchedule } from './job-row.ts'

/** With its schedules; give it a transaction. Rejects on an id that exists. */
export async function insertJob(db: Queries, job: Job): Promise<void> {
  await db.insertInto('jobs').values(rowOfJob(job)).execute()
  if (job.schedules.length === 0) return
  const rows = job.schedules.map((schedule, position) => ({ ...rowOfSchedule(schedule), job_id: job.id, position, last_tick: null }))
  await db.insertInto('schedules').values(rows).execute()
}
