import type { Insertable, Selectable } from 'kysely'
import type { Activity, ActivityKind, ActivityState } from '../../core/control/activity.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, fromTimestampOrNull, toTimestamp, toTimestampOrNull } from '../timestamps.ts'

export type ActivityRow = Selectable<Tables['activities']>

type Detail = Pick<Activity, 'subject' | 'by' | 'cause' | 'stage' | 'progress' | 'planRun' | 'result' | 'error' | 'canContinue'>

export function activityOfRow(row: Omit<ActivityRow, 'request' | 'report'>): Activity {
  // Those of older versions have no `planRun`.
  const { subject, by, cause, stage, progress, planRun = null, result, error, canContinue } = JSON.parse(row.detail) as Detail
  return {
    id: row.id,
    kind: row.kind as ActivityKind,
    state: row.state as ActivityState,
    subject,
    by,
    cause,
    queuedAt: toTimestamp(row.queued_at),
    startedAt: toTimestampOrNull(row.started_at),
    endedAt: toTimestampOrNull(row.ended_at),
    waitingFor: null,
    stage,
    progress,
    planRun,
    result,
    error,
    canContinue,
  }
}

export function rowOfActivity(activity: Activity): Omit<Insertable<Tables['activities']>, 'request' | 'report'> {
  const { subject, by, cause, stage, progress, planRun, result, error, canContinue } = activity
  return {
    id: activity.id,
    kind: activity.kind,
    state: activity.state,
    job_id: subject.job,
    plan_id: subject.plan?.id ?? null,
    queued_at: fromTimestamp(activity.queuedAt),
    started_at: fromTimestampOrNull(activity.startedAt),
    ended_at: fromTimestampOrNull(activity.endedAt),
    detail: JSON.stringify({ subject, by, cause, stage, progress, planRun, result, error, canContinue } satisfies Detail),
  }
}
