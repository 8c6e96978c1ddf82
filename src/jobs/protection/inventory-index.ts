/** VMs of a pool as they are looked up again and again: worked out once for each inventory. */
import type { InventoryVm, PoolInventory } from '../../core/control/pool-record.ts'

const byUuid = new WeakMap<PoolInventory, ReadonlyMap<string, InventoryVm>>()

/** By uuid. */
export function vmsOf(inventory: PoolInventory | undefined): ReadonlyMap<string, InventoryVm> {
  if (inventory === undefined) return new Map()
  let vms = byUuid.get(inventory)
  if (vms === undefined) {
    vms = new Map(inventory.vms.map((vm) => [vm.uuid, vm]))
    byUuid.set(inventory, vms)
  }
  return vms
}

const replicas = new WeakMap<PoolInventory, ReadonlyMap<string, readonly InventoryVm[]>>()

/** Of a source VM, by a job. */
export function replicasOf(inventory: PoolInventory, job: string, vm: string): readonly InventoryVm[] {
  let found = replicas.get(inventory)
  if (found === undefined) {
    found = Map.groupBy(
      inventory.vms.filter(({ replicaOf }) => replicaOf !== null),
      ({ replicaOf }) => `${replicaOf?.job}/${replicaOf?.vm}`,
    )
    replicas.set(inventory, found)
  }
  return found.get(`${job}/${vm}`) ?? []
}

const failovers = new WeakMap<PoolInventory, readonly InventoryVm[]>()

/** VMs that took over, or are about to. */
export function failoversOf(inventory: PoolInventory | undefined): readonly InventoryVm[] {
  if (inventory === undefined) return []
  let found = failovers.get(inventory)
  if (found === undefined) {
    found = inventory.vms.filter(({ failedOver }) => failedOver !== null)
    failovers.set(inventory, found)
  }
  return found
}
