/** Whether the inventories show by now what a failover did. Pure. */
import type { ActivityResult } from './activity.ts'
import type { FailoverRequest } from './failover-request.ts'
import type { Target } from './job.ts'
import type { InventoryVm, PoolInventory } from './pool-record.ts'

/** @param inventories of all pools that were seen, as of their last events; a target pool that was not is not waited for */
export function showsFailover(request: FailoverRequest, result: ActivityResult, inventories: readonly PoolInventory[]): boolean {
  switch (request.kind) {
    case 'failover':
      return request.clone === true || tookOver(request, inventories) !== false
    case 'planned-failover':
      return tookOver(request, inventories) !== false
    case 'undo-failover':
    case 'reprotect':
      return tookOver(request, inventories) !== true
    case 'failback': {
      if (tookOver(request, inventories) === true || result.kind !== 'failback') return false
      const { vm, protectedAgain } = result
      const all = inventories.flatMap(({ vms }) => vms)
      const isHome = all.some(({ uuid, replicaOf }) => uuid === vm.uuid && replicaOf === null)
      return isHome && (!protectedAgain || all.some(({ replicaOf }) => replicaOf?.vm === vm.uuid))
    }
    case 'clone':
    case 'test-failover':
    case 'clean-up':
    case 'fence':
      return true
  }
}

/** Whether the replica of a chain has taken over, or is about to; undefined: its pool was not seen. */
function tookOver(
  { vm, target }: { readonly vm: string; readonly target: Target },
  inventories: readonly PoolInventory[],
): boolean | undefined {
  return inventories.find(({ pool }) => pool === target.pool)?.vms.some(({ failedOver }) => isInPlaceOf(failedOver, vm, target.sr))
}

/** Whether a VM with this mark has taken over from a source VM, or is about to, itself and not by a clone. */
export const isInPlaceOf = (mark: InventoryVm['failedOver'], vm: string, sr: string): boolean =>
  mark !== null && !mark.clone && mark.state !== 'turned' && mark.vm === vm && mark.sr === sr
