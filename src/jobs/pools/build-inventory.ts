import type { Timestamp } from '../../core/control/job.ts'
import type { InventoryVm, PoolInventory } from '../../core/control/pool-record.ts'
import { MARK, readReplicaMark } from '../../core/marks.ts'
import type { Row } from './inventory-rows.ts'
import type { InventoryTables } from './inventory-tables.ts'

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
    vms: vmsOf(tables).sort(byName),
  }
}

export function countsOf(tables: InventoryTables): { hosts: number; vms: number; srs: number } {
  const count = (rows: Iterable<unknown>) => [...rows].length
  const vms = count([...tables.rows('VM')].filter(([, vm]) => vm.kind === 'vm'))
  return { hosts: count(tables.rows('host')), vms, srs: count(tables.rows('SR')) }
}

function vmsOf(tables: InventoryTables): InventoryVm[] {
  const disks = new Map<string, InventoryVm['disks'][number][]>()
  for (const [, { vm, vdi, userdevice }] of tables.rows('VBD')) {
    const disk = tables.get('VDI', vdi)
    if (!disk) continue
    const sr = tables.get('SR', disk.sr)?.uuid ?? ''
    push(disks, vm, { uuid: disk.uuid, name: disk.name, userdevice, size: disk.size, sr })
  }
  const networks = new Map<string, string[]>()
  for (const [, { vm, network }] of tables.rows('VIF')) {
    const uuid = tables.get('network', network)?.uuid
    if (uuid !== undefined) push(networks, vm, uuid)
  }
  const snapshots = new Map<string, { job: string; vm: string }>()
  for (const [, vm] of tables.rows('VM')) if (vm.kind === 'snapshot') snapshots.set(vm.of, { job: vm.job, vm: vm.vm })
  return [...tables.rows('VM')].flatMap(([ref, vm]) => {
    if (vm.kind !== 'vm') return []
    return {
      uuid: vm.uuid,
      name: vm.name,
      description: vm.description,
      powerState: vm.powerState,
      tags: vm.tags,
      disks: (disks.get(ref) ?? []).sort((a, b) => Number(a.userdevice) - Number(b.userdevice)),
      networks: [...new Set(networks.get(ref))].sort(),
      replicaOf: replicaOf(vm, snapshots.get(ref)),
    }
  })
}

/**
 * A replica is a VM whose start is blocked and that has the marks of one: ours say so themselves; those of the original product are marked on
 * the VM (one a run) or on its snapshots (one VM for all), and keep the SR's mark on the VM (behaviour.md 10.5). One that was failed over to
 * is none any more.
 */
function replicaOf(vm: Extract<Row<'VM'>, { kind: 'vm' }>, point: { job: string; vm: string } | undefined): InventoryVm['replicaOf'] {
  if (!vm.blocked) return null
  const mark = readReplicaMark(vm.config, vm.uuid)
  if (mark) return { job: mark.job, vm: mark.vm }
  if (vm.config[MARK.sr] === undefined) return null
  const { [MARK.job]: job, [MARK.vm]: source } = vm.config
  if (job !== undefined && source !== undefined) return { job, vm: source }
  return point ? { job: point.job, vm: point.vm } : null
}

function byName(a: { readonly name: string; readonly uuid: string }, b: { readonly name: string; readonly uuid: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.uuid < b.uuid ? -1 : 1
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const sofar = map.get(key)
  if (sofar) sofar.push(value)
  else map.set(key, [value])
}
