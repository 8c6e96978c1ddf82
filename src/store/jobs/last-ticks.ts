import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp, toTimestampOrNull } from '../timestamps.ts'

/** By schedule: the newest tick that a run was made of (or that was left out on purpose); null: none yet. */
export async function listLastTicks(db: Queries): Promise<Map<string, Timestamp | null>> {
  const rows = await db.selectFrom('schedules').select(['id', 'last_tick']).execute()
  return new Map(rows.map((row) => [row.id, toTimestampOrNull(row.last_tick)]))
}

/** Belongs into the transaction that inserts the tick's run: then a tick is neither lost nor taken twice. */
export async function setLastTick(db: Queries, schedule: string, tick: Timestamp): Promise<void> {
  await db
    .updateTable('schedules')
    .set({ last_tick: fromTimestamp(tick) })
    .where('id', '=', schedule)
    .execute()
}
