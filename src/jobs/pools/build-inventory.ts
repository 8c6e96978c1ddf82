import type { Timestamp } from '../../core/control/job.ts'
import type { PoolInventory } from '../../core/control/pool-record.ts'
import type { InventoryTables } from './inventory-tables.ts'
import { byName } from './inventory-vms.ts'

/** What the tables hold, in the words of the control plane; everything in order of its name. */
export function buildInventory(tables: InventoryTables, pool: string, seenAt: Timestamp): PoolInventory {
  const [, own] = [...tables.rows('pool')][0] ?? []
  const attached = new Set([...tables.rows('PBD')].filter(([, pbd]) => pbd.attached).map(([, pbd]) => String(pbd.sr)))
  const vlans = new Map([...tables.rows('PIF')].map(([, pif]) => [String(pif.network), pif.vlan]))
  return {
    pool,
    seenAt,
    hosts: [...tables.rows('host')]
      .map(([ref, host]) => ({
        uuid: host.uuid,
        name: host.name,
        address: host.address,
        live: tables.get('host_metrics', host.metrics)?.live ?? false,
        isMaster: ref === own?.master,
      }))
      .sort(byName),
    srs: [...tables.rows('SR')]
      .map(([ref, { uuid, name, type, shared, size, used, holdsDisks }]) => ({
        uuid,
        name,
        type,
        shared,
        usable: holdsDisks && attached.has(ref),
        size,
        used,
      }))
      .sort(byName),
    networks: [...tables.rows('network')]
      .map(([ref, { uuid, name, purposes }]) => {
        const vlan = vlans.get(ref) ?? -1
        return { uuid, name, vlan: vlan < 0 ? null : vlan, purposes: [...purposes] }
      })
      .sort(byName),
    vms: tables.vms(),
  }
}

export function countsOf(tables: InventoryTables): { hosts: number; vms: number; srs: number } {
  return { hosts: tables.size('host'), vms: tables.vms().length, srs: tables.size('SR') }
}
