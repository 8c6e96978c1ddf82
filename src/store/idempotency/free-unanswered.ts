import type { Queries } from '../open-store.ts'

/** At the start of a server: requests that were under way when the last one ended get no answer any more, so their keys are free. */
export async function freeUnanswered(db: Queries): Promise<void> {
  await db.deleteFrom('idempotency').where('status', '=', 0).execute()
}
