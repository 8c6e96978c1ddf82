import type { Insertable, Selectable } from 'kysely'
import type { Run, RunState, RunTotals, Trigger } from '../../core/control/run-record.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, fromTimestampOrNull, toTimestamp, toTimestampOrNull } from '../timestamps.ts'

export type RunRow = Selectable<Tables['runs']>

export function runOfRow(row: RunRow): Run {
  return {
    id: row.id,
    job: row.job_id,
    jobName: row.job_name,
    schedule: row.schedule_id,
    scheduleName: row.schedule_name,
    trigger: JSON.parse(row.trigger_spec) as Trigger,
    state: row.state as RunState,
    dryRun: row.dry_run === 1,
    reason: row.reason === null ? null : JSON.parse(row.reason),
    queuedAt: toTimestamp(row.queued_at),
    startedAt: toTimestampOrNull(row.started_at),
    endedAt: toTimestampOrNull(row.ended_at),
    totals: JSON.parse(row.totals) as RunTotals,
  }
}

export function rowOfRun(run: Run): Insertable<Tables['runs']> {
  return {
    id: run.id,
    job_id: run.job,
    job_name: run.jobName,
    schedule_id: run.schedule,
    schedule_name: run.scheduleName,
    trigger_spec: JSON.stringify(run.trigger),
    state: run.state,
    dry_run: run.dryRun ? 1 : 0,
    reason: run.reason === null ? null : JSON.stringify(run.reason),
    queued_at: fromTimestamp(run.queuedAt),
    started_at: fromTimestampOrNull(run.startedAt),
    ended_at: fromTimestampOrNull(run.endedAt),
    totals: JSON.stringify(run.totals),
  }
}
