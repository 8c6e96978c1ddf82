import type { Activity, TimelineLine } from '../../core/control/activity.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'
import { rowOfActivity } from './activity-row.ts'

const LINES_AT_ONCE = 400

/** What changes in it, with its new lines; give it a transaction. */
export async function updateActivity(
  db: Queries,
  activity: Activity,
  { lines, report }: { readonly lines: readonly TimelineLine[]; readonly report?: object | null },
): Promise<void> {
  const { state, started_at, ended_at, detail } = rowOfActivity(activity)
  await db
    .updateTable('activities')
    .set({ state, started_at, ended_at, detail, ...(report === undefined ? {} : { report: JSON.stringify(report) }) })
    .where('id', '=', activity.id)
    .execute()
  for (let start = 0; start < lines.length; start += LINES_AT_ONCE) {
    const rows = lines
      .slice(start, start + LINES_AT_ONCE)
      .map(({ at, level, step, text }) => ({ activity_id: activity.id, at: fromTimestamp(at), level, step, text }))
    await db.insertInto('activity_lines').values(rows).execute()
  }
}
