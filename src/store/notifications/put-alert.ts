import type { Queries } from '../open-store.ts'
import { type KeyedAlert, rowOfAlert } from './alert-row.ts'

/** Stores an alert as it is now: opened, told anew, or closed. */
export async function putAlert(db: Queries, alert: KeyedAlert): Promise<void> {
  const row = rowOfAlert(alert)
  await db
    .insertInto('alerts')
    .values(row)
    .onConflict((on) => on.column('id').doUpdateSet(row))
    .execute()
}
