/** Protections in lists: thousands are counted and filtered, a page of them is shown in full. */
import type { Protection, ProtectionState } from '../../core/control/protection.ts'
import type { PoolAccess } from '../pool-access.ts'

export interface ListedProtection {
  readonly state: ProtectionState
  readonly sourcePool: string
  readonly vm: string
  readonly job: string | null
  readonly targetPool: string | null
  /** Unique in the list. */
  readonly key: string
  /** All of it, with ages as of now. */
  show(): Protection
}

/** VMs of registered pools that no job chooses; worked out anew when the pools hold something else. */
export class UnprotectedVms {
  readonly #pools: PoolAccess
  #seen: readonly unknown[] = []
  #listed: readonly ListedProtection[] = []

  constructor(pools: PoolAccess) {
    this.#pools = pools
  }

  /** @param isChosen whether a job has the VM; `version`: another object when that may say something else */
  list(isChosen: (pool: string, vm: string) => boolean, version: unknown): readonly ListedProtection[] {
    const inventories = this.#pools.statuses().map(({ id }) => this.#pools.inventoryOf(id))
    const seen = [version, ...inventories]
    if (seen.length === this.#seen.length && seen.every((each, nth) => each === this.#seen[nth])) return this.#listed
    this.#seen = seen
    this.#listed = inventories.flatMap((inventory) =>
      (inventory?.vms ?? [])
        .filter(({ uuid, replicaOf }) => replicaOf === null && !isChosen(inventory?.pool as string, uuid))
        .map(({ uuid, name }) => listedUnprotected(inventory?.pool as string, uuid, name)),
    )
    return this.#listed
  }
}

function listedUnprotected(pool: string, uuid: string, name: string): ListedProtection {
  return {
    state: 'unprotected',
    sourcePool: pool,
    vm: uuid,
    job: null,
    targetPool: null,
    key: keyInList(pool, uuid, null, null),
    show: () => ({
      sourcePool: pool,
      vm: { uuid, name },
      job: null,
      jobName: null,
      target: null,
      state: 'unprotected',
      reason: 'no job chooses it',
      askedRpoSeconds: null,
      achievedRpoSeconds: null,
      newestPoint: null,
      replica: null,
      lastRun: null,
      lastError: null,
      lastHealthCheck: null,
    }),
  }
}

export const keyInList = (pool: string, vm: string, job: string | null, target: Protection['target']): string =>
  [pool, vm, job, target?.pool, target?.sr].join('/')
