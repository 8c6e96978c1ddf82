/** Registered pools without pools: statuses and inventories of any size, for tests and figures of the server itself. */
import { createHash } from 'node:crypto'
import type { InventoryVm, PoolInventory, PoolStatus } from '../../src/core/control/pool-record.ts'
import { Failure } from '../../src/core/failure.ts'
import type { PoolAccess, PoolChange } from '../../src/jobs/pool-access.ts'

export interface SimulatedPool {
  readonly status: PoolStatus
  readonly inventory: PoolInventory
}

/** The same uuid for the same text: so that a server that is started again finds the same pools. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** A pool with so many VMs, `vm-0` on, of which each has the tag `group-N` with N = its number modulo `groups`. */
export function simulatedPool(
  name: string,
  wish: { readonly vms: number; readonly groups?: number; readonly srs?: number },
): SimulatedPool {
  const { vms, groups = 1, srs = 1 } = wish
  const id = uuidOf(`pool ${name}`)
  const since = '2026-01-01T00:00:00.000Z'
  const inventory: PoolInventory = {
    pool: id,
    seenAt: since,
    hosts: [{ uuid: uuidOf(`host ${name}`), name: `${name}-1`, address: '192.0.2.1', live: true, isMaster: true }],
    srs: Array.from({ length: srs }, (_, index) => ({
      uuid: uuidOf(`sr ${name} ${index}`),
      name: index === 0 ? 'storage' : `storage ${index}`,
      type: 'ext',
      shared: true,
      usable: true,
      size: 100 * 2 ** 40,
      used: 2 ** 40,
    })),
    networks: [{ uuid: uuidOf(`network ${name}`), name: 'lan', vlan: null, purposes: [] }],
    vms: Array.from({ length: vms }, (_, index) => simulatedVm(name, index, groups)),
  }
  const status: PoolStatus = {
    id,
    name,
    url: `https://${name}.invalid`,
    user: 'root',
    fingerprints: [],
    poolUuid: uuidOf(`pool uuid ${name}`),
    enabled: true,
    createdAt: since,
    state: 'connected',
    error: null,
    since,
    lastSeenAt: since,
    version: '8.3.0',
    counts: { hosts: 1, vms, srs },
  }
  return { status, inventory }
}

function simulatedVm(pool: string, index: number, groups: number): InventoryVm {
  return {
    uuid: uuidOf(`vm ${pool} ${index}`),
    name: `vm-${index}`,
    description: '',
    powerState: 'Running',
    tags: [`group-${index % groups}`],
    disks: [{ uuid: uuidOf(`vdi ${pool} ${index}`), name: 'root', userdevice: '0', size: 20 * 2 ** 30, sr: uuidOf(`sr ${pool} 0`) }],
    networks: [uuidOf(`network ${pool}`)],
    replicaOf: null,
  }
}

export interface SimulatedPools extends PoolAccess {
  /** As if the pool told of it. */
  change(change: PoolChange): void
}

export function simulatedPools(pools: readonly SimulatedPool[]): SimulatedPools {
  const listeners = new Set<(change: PoolChange) => void>()
  return {
    statuses: () => pools.map(({ status }) => status),
    inventoryOf: (pool) => pools.find(({ status }) => status.id === pool)?.inventory,
    withPool: async (pool) => {
      throw new Failure('POOL_UNREACHABLE', `pool ${pool} is a simulated one without XAPI`)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    change(change) {
      for (const listener of listeners) listener(change)
    },
  }
}
