/** The settings of the server, in memory as they are stored. */
import { checkSettings } from '../core/control/check-settings.ts'
import { DEFAULT_SERVER_SETTINGS, type ServerSettings } from '../core/control/settings.ts'
import type { Store } from '../store/open-store.ts'
import { changeSettings } from '../store/settings/change-settings.ts'
import { readSettings } from '../store/settings/read-settings.ts'

export class SettingsBook {
  readonly #store: Store
  readonly #onChange: () => void
  #current: ServerSettings = DEFAULT_SERVER_SETTINGS

  constructor(store: Store, onChange: () => void) {
    this.#store = store
    this.#onChange = onChange
  }

  get current(): ServerSettings {
    return this.#current
  }

  async load(): Promise<void> {
    this.#current = await readSettings(this.#store.db)
  }

  /** Failure SETTINGS_INVALID. */
  async change(change: Partial<ServerSettings>): Promise<ServerSettings> {
    const known = Object.fromEntries(
      Object.entries(change).filter(([key, value]) => value !== undefined && Object.hasOwn(DEFAULT_SERVER_SETTINGS, key)),
    )
    checkSettings({ ...this.#current, ...known })
    await this.#store.transaction((db) => changeSettings(db, known), { durable: true })
    this.#current = { ...this.#current, ...known }
    this.#onChange()
    return this.#current
  }
}
