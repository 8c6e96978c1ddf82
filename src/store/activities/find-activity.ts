import type { Activity, ActivityDetail, TimelineLine } from '../../core/control/activity.ts'
import type { Queries } from '../open-store.ts'
import { toTimestamp } from '../timestamps.ts'
import { activityOfRow } from './activity-row.ts'

export interface StoredActivity {
  readonly activity: Activity
  readonly request: Readonly<Record<string, unknown>>
}

export async function findActivity(db: Queries, id: string): Promise<StoredActivity | undefined> {
  const row = await db.selectFrom('activities').selectAll().where('id', '=', id).executeTakeFirst()
  return row && { activity: activityOfRow(row), request: JSON.parse(row.request) }
}

export async function findActivityDetail(db: Queries, id: string): Promise<ActivityDetail | undefined> {
  const row = await db.selectFrom('activities').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) return undefined
  const lines = await db.selectFrom('activity_lines').selectAll().where('activity_id', '=', id).orderBy('id').execute()
  return {
    ...activityOfRow(row),
    timeline: lines.map(({ at, level, step, text }) => ({ at: toTimestamp(at), level: level as TimelineLine['level'], step, text })),
    report: row.report === null ? null : JSON.parse(row.report),
  }
}
