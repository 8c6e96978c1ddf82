/** What jobs, runs and the watch over RPOs need of the registered pools; the pools service offers it. */
import type { PoolInventory, PoolStatus } from '../core/control/pool-record.ts'
import type { Xapi } from '../xapi/xapi.ts'

export interface PoolAccess {
  /** As they are known at this moment; nothing is asked of a pool. */
  statuses(): readonly PoolStatus[]
  /** As of the last event; undefined: nothing was ever seen of the pool, or there is no such pool. */
  inventoryOf(pool: string): PoolInventory | undefined
  /**
   * A logged-in connection for the time of `use`. Failure POOL_UNKNOWN, POOL_DISABLED, or what connecting ends with (POOL_UNREACHABLE,
   * CERTIFICATE_CHANGED, SESSION_AUTHENTICATION_FAILED…).
   */
  withPool<T>(pool: string, signal: AbortSignal, use: (xapi: Xapi) => Promise<T>): Promise<T>
  /** Told of every change of state and of every change of what is in a pool. */
  onChange(listener: (change: PoolChange) => void): () => void
}

export type PoolChange =
  | { readonly kind: 'pool'; readonly pool: PoolStatus }
  | { readonly kind: 'pool-removed'; readonly id: string }
  | { readonly kind: 'inventory'; readonly pool: string }
