/** Old runs, alerts and messages go by age; and whether the database can be used is tried now and then. */
import { setImmediate } from 'node:timers/promises'
import type { ServerSettings } from '../core/control/settings.ts'
import { pruneNotifications } from '../store/notifications/prune-notifications.ts'
import type { Store } from '../store/open-store.ts'
import { pruneRuns } from '../store/runs/prune-runs.ts'
import { toTimestamp } from '../store/timestamps.ts'
import type { Clock } from './clock.ts'

export interface HousekeepingParts {
  readonly store: Store
  readonly clock: Clock
  readonly settings: () => ServerSettings
  readonly onError: (error: unknown) => void
}

const PRUNE_MS = 3_600_000
const LOOK_MS = 60_000
const DAY_MS = 86_400_000
const AT_ONCE = 5

export class Housekeeping {
  readonly #parts: HousekeepingParts
  readonly #callOffs = new Set<() => void>()
  #stopped = true
  #working: Promise<void> = Promise.resolve()

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  /** @param onDatabase told whether the database can be used */
  start(onDatabase: (ok: boolean) => void): void {
    this.#stopped = false
    this.#every(PRUNE_MS, () => this.#prune())
    this.#every(LOOK_MS, async () => onDatabase(await this.#parts.store.isUsable()))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const callOff of this.#callOffs) callOff()
    await this.#working
  }

  #every(ms: number, work: () => Promise<void>): void {
    if (this.#stopped) return
    const { clock, onError } = this.#parts
    const callOff = clock.wakeAfter(ms, () => {
      this.#callOffs.delete(callOff)
      this.#working = this.#working.then(() => (this.#stopped ? undefined : work())).catch(onError)
      void this.#working.then(() => this.#every(ms, work))
    })
    this.#callOffs.add(callOff)
  }

  async #prune(): Promise<void> {
    const { store, clock, settings } = this.#parts
    const before = toTimestamp(clock.now() - settings().keepRunsDays * DAY_MS)
    // In portions: 50 runs of 20 VMs took half a second out of 300,000 VM runs. The store answers without a turn of the event loop, so one is taken.
    while (!this.#stopped && (await store.transaction((db) => pruneRuns(db, before, AT_ONCE))) === AT_ONCE) await setImmediate()
    await store.transaction((db) => pruneNotifications(db, before))
  }
}
