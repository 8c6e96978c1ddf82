import { DEFAULT_SERVER_SETTINGS, type ServerSettings } from '../../core/control/settings.ts'
import type { Queries } from '../open-store.ts'

/** What was never changed is as the defaults of this version have it. */
export async function readSettings(db: Queries): Promise<ServerSettings> {
  const rows = await db.selectFrom('settings').selectAll().execute()
  const known = rows.filter(({ key }) => Object.hasOwn(DEFAULT_SERVER_SETTINGS, key))
  return { ...DEFAULT_SERVER_SETTINGS, ...Object.fromEntries(known.map(({ key, value }) => [key, JSON.parse(value)])) }
}
