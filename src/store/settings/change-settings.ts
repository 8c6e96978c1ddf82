import type { ServerSettings } from '../../core/control/settings.ts'
import type { Queries } from '../open-store.ts'

/** Stores those that are given. Give it a transaction. */
export async function changeSettings(db: Queries, change: Partial<ServerSettings>): Promise<void> {
  for (const [key, setting] of Object.entries(change)) {
    if (setting === undefined) continue
    const value = JSON.stringify(setting)
    await db
      .insertInto('settings')
      .values({ key, value })
      .onConflict((on) => on.column('key').doUpdateSet({ value }))
      .execute()
  }
}
