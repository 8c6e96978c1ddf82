import type { Job } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { jobOfRow, type ScheduleRow } from './job-row.ts'

/** All jobs with their schedules, by name. */
export async function listJobs(db: Queries): Promise<Job[]> {
  const jobs = await db.selectFrom('jobs').selectAll().orderBy('name').orderBy('id').execute()
  const schedules = new Map<string, ScheduleRow[]>()
  for (const row of await db.selectFrom('schedules').selectAll().orderBy('job_id').orderBy('position').orderBy('id').execute()) {
    const sofar = schedules.get(row.job_id)
    if (sofar) sofar.push(row)
    else schedules.set(row.job_id, [row])
  }
  return jobs.map((row) => jobOfRow(row, schedules.get(row.id) ?? []))
}
