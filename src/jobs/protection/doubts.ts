/** Where the inventory of a target pool contradicts what is known of a chain: then the pool's restore points are to be read anew. Pure. */
import type { PoolInventory } from '../../core/control/pool-record.ts'
import type { StoredProtection } from '../../store/protections/protection-row.ts'
import { replicasOf, vmsOf } from './inventory-index.ts'

type Known = Pick<StoredProtection, 'job' | 'vm' | 'target' | 'replica' | 'point'>

/**
 * What the contradiction is, in words that stay the same as long as it does; null: there is none. Somebody removed the replica or its newest
 * restore point, or there is a replica nobody told of: its VM went back, the job was brought along from elsewhere, or linked to a seed.
 */
export function doubtOf({ job, vm, target, replica, point }: Known, inventory: PoolInventory | undefined): string | null {
  if (inventory === undefined) return null
  const vms = vmsOf(inventory)
  if (replica === null) {
    const found = replicasOf(inventory, job, vm.uuid).find(({ disks }) => disks.length === 0 || disks.some(({ sr }) => sr === target.sr))
    return found === undefined ? null : `replica ${found.uuid} was found`
  }
  const seen = vms.get(replica)
  if (seen === undefined) return `replica ${replica} is gone`
  if (point === null || vms.has(point.uuid) || seen.restorePoints.includes(point.uuid)) return null
  return `restore point ${point.uuid} is gone`
}
