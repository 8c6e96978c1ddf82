/** Old runs and what is kept with them, verifications, alerts, messages and the audit log go by age; and whether the database can be used is tried now and then. */
import { setImmediate } from 'node:timers/promises'
import type { Timestamp } from '../core/control/job.ts'
import type { ServerSettings } from '../core/control/settings.ts'
import { pruneActivities } from '../store/activities/prune-activities.ts'
import { pruneAudit } from '../store/audit/prune-audit.ts'
import { pruneNotifications } from '../store/notifications/prune-notifications.ts'
import type { Queries, Store } from '../store/open-store.ts'
import { pruneDetails, pruneRuns } from '../store/runs/prune-runs.ts'
import { toTimestamp } from '../store/timestamps.ts'
import { pruneVerifications } from '../store/verifications/verifications.ts'
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
const RUNS_AT_ONCE = 5
const DETAILS_AT_ONCE = 100
const ACTIVITIES_AT_ONCE = 50
const AUDIT_AT_ONCE = 1_000

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
    const { keepRunsDays, keepDetailsDays, keepAuditDays } = settings()
    const daysAgo = (days: number): Timestamp => toTimestamp(clock.now() - days * DAY_MS)
    // In portions: 50 runs of 20 VMs took half a second out of 300,000 VM runs.
    await this.#inPortions(RUNS_AT_ONCE, (db) => pruneRuns(db, daysAgo(keepRunsDays), RUNS_AT_ONCE))
    await this.#inPortions(DETAILS_AT_ONCE, (db) => pruneDetails(db, daysAgo(keepDetailsDays), DETAILS_AT_ONCE))
    await this.#inPortions(AUDIT_AT_ONCE, (db) => pruneAudit(db, daysAgo(keepAuditDays), AUDIT_AT_ONCE))
    await this.#inPortions(ACTIVITIES_AT_ONCE, (db) => pruneActivities(db, daysAgo(keepRunsDays), ACTIVITIES_AT_ONCE))
    await store.transaction((db) => pruneNotifications(db, daysAgo(keepRunsDays)))
    await store.transaction((db) => pruneVerifications(db, clock.now() - keepRunsDays * DAY_MS))
  }

  /** The store answers without a turn of the event loop, so one is taken between two portions. */
  async #inPortions(atOnce: number, prune: (db: Queries) => Promise<number>): Promise<void> {
    while (!this.#stopped && (await this.#parts.store.transaction(prune)) === atOnce) await setImmediate()
  }
}
