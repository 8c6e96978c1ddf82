/** Tells when a pool that was lost is back, and an original on it may run beside what took over from it. */
import { isNotFencedKey, originalNotFencedAlert } from '../core/control/alerts.ts'
import { effectiveSettings } from '../core/control/job.ts'
import { type SeenPool, unfencedOriginals } from '../core/control/unfenced-originals.ts'
import type { Clock } from './clock.ts'
import type { JobBook } from './job-book.ts'
import type { AlertBook } from './notifications/alert-book.ts'
import type { PoolAccess } from './pool-access.ts'

export interface FenceWatchParts {
  readonly clock: Clock
  readonly alerts: AlertBook
  readonly book: JobBook
  readonly pools: PoolAccess
  /** Whether something is done with the source VM at this moment: it is looked at again afterwards. */
  readonly isWorkedOn: (vm: string) => boolean
  /** What changes within it is looked at together. */
  readonly gatherMs: number
}

export class FenceWatch {
  readonly #parts: FenceWatchParts
  #callOff: (() => void) | undefined
  #stopped = false

  constructor(parts: FenceWatchParts) {
    this.#parts = parts
  }

  stop(): void {
    this.#stopped = true
    this.#callOff?.()
  }

  lookSoon(): void {
    if (this.#callOff !== undefined || this.#stopped) return
    this.#callOff = this.#parts.clock.wakeAfter(this.#parts.gatherMs, () => {
      this.#callOff = undefined
      this.#look()
    })
  }

  #look(): void {
    const { alerts, book, pools, isWorkedOn } = this.#parts
    const seen = pools.statuses().flatMap(({ id, name, state }): SeenPool[] => {
      const inventory = pools.inventoryOf(id)
      return state === 'connected' && inventory !== undefined ? [{ name, inventory }] : []
    })
    const found = unfencedOriginals(seen)
    const wanted = new Set<string>()
    for (const original of found) {
      const alert = originalNotFencedAlert(original)
      wanted.add(alert.key)
      const job = alert.job === null ? null : book.find(alert.job)
      if (isWorkedOn(original.vm.uuid)) this.lookSoon()
      else alerts.raise({ ...alert, job: job?.id ?? null }, job == null || effectiveSettings(job.settings).notify)
    }
    const answering = new Set(seen.map(({ inventory }) => inventory.pool))
    for (const { key, pool } of alerts.open()) {
      if (!isNotFencedKey(key) || wanted.has(key)) continue
      // While a pool is away nothing is known of it; of one that was removed there is nothing to tell.
      const registered = pools.statuses().some(({ id }) => id === pool)
      if (pool === null || !registered || answering.has(pool)) alerts.close(key, registered)
    }
  }
}
