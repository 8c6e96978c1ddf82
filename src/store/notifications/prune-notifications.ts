import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

/** Removes alerts that were closed before, and messages that were sent or given up before. */
export async function pruneNotifications(db: Queries, before: Timestamp): Promise<void> {
  await db.deleteFrom('alerts').where('closed_at', '<', fromTimestamp(before)).execute()
  await db.deleteFrom('outbox').where('sent_at', '<', fromTimestamp(before)).execute()
}
