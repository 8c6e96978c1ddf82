import type { Activity } from '../../core/control/activity.ts'
import type { Queries } from '../open-store.ts'
import { toTimestamp } from '../timestamps.ts'
import { activityOfRow } from './activity-row.ts'
import { updateActivity } from './update-activity.ts'

/** At the start: what the server before left unfinished, as it ends. Give it a transaction. */
export async function markInterruptedActivities(db: Queries, at: number, ended: (activity: Activity) => Activity): Promise<void> {
  const rows = await db.selectFrom('activities').selectAll().where('ended_at', 'is', null).execute()
  for (const row of rows) {
    const activity = ended({ ...activityOfRow(row), state: 'interrupted', endedAt: toTimestamp(at), progress: null })
    const line = { at: toTimestamp(at), level: 'warning', step: null, text: 'the server ended in the middle' } as const
    await updateActivity(db, activity, { lines: [line] })
  }
}
