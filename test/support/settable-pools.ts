/** Registered pools without any pool behind them: inventories that a test sets. */
import type { InventorySr, InventoryVm, PoolInventory, PoolStatus } from '../../src/core/control/pool-record.ts'
import type { Pools } from '../../src/jobs/create-control-plane.ts'
import type { PoolChange } from '../../src/jobs/pool-access.ts'

export interface SettablePools extends Pools {
  /** Adds a pool, or says anew what it is. */
  set(
    pool: string,
    change?: { readonly state?: PoolStatus['state']; readonly vms?: readonly InventoryVm[]; readonly srs?: readonly InventorySr[] },
  ): void
}

export function settablePools(): SettablePools {
  const statuses = new Map<string, PoolStatus>()
  const inventories = new Map<string, PoolInventory>()
  const listeners = new Set<(change: PoolChange) => void>()
  const tell = (change: PoolChange) => {
    for (const listener of listeners) listener(change)
  }
  const unsupported = () => Promise.reject(new Error('simulated pools have no such thing'))
  return {
    set(id, { state = 'connected', vms, srs } = {}) {
      const pool: PoolStatus = {
        id,
        name: `pool ${id}`,
        url: `https://${id}`,
        user: 'root',
        fingerprints: [],
        poolUuid: `uuid of ${id}`,
        enabled: state !== 'disabled',
        createdAt: '2026-01-01T00:00:00.000Z',
        state,
        error: null,
        since: '2026-01-01T00:00:00.000Z',
        lastSeenAt: null,
        version: null,
        counts: { hosts: 1, vms: 0, srs: 0 },
      }
      statuses.set(id, pool)
      tell({ kind: 'pool', pool })
      const before = inventories.get(id)
      if (vms === undefined && srs === undefined) return
      inventories.set(id, {
        pool: id,
        seenAt: pool.since,
        hosts: [],
        networks: [],
        vms: vms ?? before?.vms ?? [],
        srs: srs ?? before?.srs ?? [],
      })
      tell({ kind: 'inventory', pool: id })
    },
    statuses: () => [...statuses.values()],
    inventoryOf: (id) => inventories.get(id),
    withPool: unsupported,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    certificate: unsupported,
    add: unsupported,
    list: async () => [...statuses.values()],
    get: unsupported,
    change: unsupported,
    remove: unsupported,
    test: unsupported,
    inventory: unsupported,
  }
}

export const settableVm = (uuid: string, more: Partial<InventoryVm> = {}): InventoryVm => ({
  uuid,
  name: `VM ${uuid}`,
  description: '',
  powerState: 'Running',
  tags: [],
  disks: [],
  networks: [],
  bytesAllocated: 0,
  replicaOf: null,
  restorePoints: [],
  startBlocked: false,
  failedOver: null,
  ...more,
})

export const settableSr = (uuid: string, more: Partial<InventorySr> = {}): InventorySr => ({
  uuid,
  name: `SR ${uuid}`,
  type: 'ext',
  shared: false,
  usable: true,
  size: 1024 ** 4,
  used: 0,
  ...more,
})
