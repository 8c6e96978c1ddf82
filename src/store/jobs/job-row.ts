import type { Insertable, Selectable } from 'kysely'
import type { Job, JobSpec, Schedule, ScheduleSpec } from '../../core/control/job.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, toTimestamp } from '../timestamps.ts'

export type JobRow = Selectable<Tables['jobs']>
export type ScheduleRow = Selectable<Tables['schedules']>

export function jobOfRow(row: JobRow, schedules: readonly ScheduleRow[]): Job {
  const {
    selection,
    targets,
    settings,
    turned = [],
  } = JSON.parse(row.spec) as Pick<JobSpec, 'selection' | 'targets' | 'settings'> & Partial<Pick<Job, 'turned'>>
  return {
    id: row.id,
    name: row.name,
    enabled: row.enabled === 1,
    selection,
    targets,
    settings,
    schedules: schedules.map(scheduleOfRow),
    turned,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
    version: row.version,
  }
}

export function scheduleOfRow(row: ScheduleRow): Schedule {
  const { timing, retention, settings } = JSON.parse(row.spec) as Pick<ScheduleSpec, 'timing' | 'retention' | 'settings'>
  return { id: row.id, name: row.name, enabled: row.enabled === 1, timing, retention, settings }
}

export function rowOfJob(job: Job): Insertable<Tables['jobs']> {
  const { selection, targets, settings, turned } = job
  return {
    id: job.id,
    name: job.name,
    enabled: job.enabled ? 1 : 0,
    spec: JSON.stringify({ selection, targets, settings, ...(turned.length === 0 ? {} : { turned }) }),
    version: job.version,
    created_at: fromTimestamp(job.createdAt),
    updated_at: fromTimestamp(job.updatedAt),
  }
}

export function rowOfSchedule(schedule: Schedule): Pick<ScheduleRow, 'id' | 'name' | 'enabled' | 'spec'> {
  const { timing, retention, settings } = schedule
  return {
    id: schedule.id,
    name: schedule.name,
    enabled: schedule.enabled ? 1 : 0,
    spec: JSON.stringify({ timing, retention, settings }),
  }
}
