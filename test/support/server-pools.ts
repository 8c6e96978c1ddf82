/** A server's registered pools for tests: service, store and what it told. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { PoolInventory, PoolStatus } from '../../src/core/control/pool-record.ts'
import type { Failure } from '../../src/core/failure.ts'
import type { PoolChange } from '../../src/jobs/pool-access.ts'
import { PoolService } from '../../src/jobs/pools/pool-service.ts'
import { openStore, type Store } from '../../src/store/open-store.ts'
import { openSecrets, type Secrets } from '../../src/store/secrets/secrets.ts'
import type { StartedPool } from './lab.ts'

export const LONG_MS = 60_000

export interface Server {
  readonly store: Store
  readonly secrets: Secrets
  readonly pools: PoolService
  readonly changes: PoolChange[]
  close(): Promise<void>
}

export async function startServer(store?: Store, secrets?: Secrets, refusedPausesMs?: readonly number[]): Promise<Server> {
  const kept = store ?? (await openStore({ memory: true }))
  const keys = secrets ?? (await openSecrets(kept, {}))
  const pools = new PoolService({
    store: kept,
    secrets: keys,
    clock: { now: () => Date.now() },
    reloadPauseMs: 200,
    ...(refusedPausesMs ? { refusedPausesMs } : {}),
  })
  const changes: PoolChange[] = []
  pools.onChange((change) => changes.push(change))
  await pools.start()
  return {
    store: kept,
    secrets: keys,
    pools,
    changes,
    async close() {
      await pools.close()
      await kept.close()
    },
  }
}

export const loginOf = ({ url, user, password, fingerprint }: StartedPool) => ({ url, user, password, fingerprint })

export const failsAs = (code: string) => (error: unknown) => {
  assert.equal((error as Failure).code, code, String((error as Error).stack))
  return true
}

export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const end = performance.now() + LONG_MS
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) assert.fail(`${what}: not within ${LONG_MS / 1000} s`)
    await delay(20)
  }
}

export const stateOf = (server: Server, id: string): PoolStatus => {
  const status = server.pools.statuses().find((one) => one.id === id)
  assert.ok(status)
  return status
}
export const becomes = (server: Server, id: string, state: PoolStatus['state']) =>
  until(`${state}`, () => stateOf(server, id).state === state && stateOf(server, id))
export const seen = (server: Server, id: string, wanted: (inventory: PoolInventory) => boolean = () => true) =>
  until('inventory', () => {
    const inventory = server.pools.inventoryOf(id)
    return inventory && wanted(inventory) && inventory
  })
