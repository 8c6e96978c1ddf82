/** Originals that run, or can be started, although their replica has taken over. Pure. */
import type { InventoryVm, PoolInventory } from './pool-record.ts'

export interface UnfencedOriginal {
  readonly pool: string
  readonly poolName: string
  readonly vm: { readonly uuid: string; readonly name: string }
  /** What took over from it. */
  readonly by: { readonly name: string; readonly poolName: string; readonly job: string }
  /** Both run; otherwise it is down, and can be started. */
  readonly runs: boolean
}

export interface SeenPool {
  readonly name: string
  readonly inventory: Pick<PoolInventory, 'pool' | 'vms'>
}

/** @param seen pools as they are now: what one was that does not answer tells nothing */
export function unfencedOriginals(seen: readonly SeenPool[]): UnfencedOriginal[] {
  const tookOver = new Map<string, { readonly vm: InventoryVm; readonly poolName: string }[]>()
  for (const { name, inventory } of seen)
    for (const vm of inventory.vms) {
      if (vm.failedOver?.state !== 'active') continue
      const of = vm.failedOver.vm
      tookOver.set(of, [...(tookOver.get(of) ?? []), { vm, poolName: name }])
    }
  if (tookOver.size === 0) return []
  return seen.flatMap(({ name: poolName, inventory }) =>
    inventory.vms.flatMap((original): UnfencedOriginal[] => {
      const over = (tookOver.get(original.uuid) ?? []).filter(({ vm }) => vm.uuid !== original.uuid)
      const runs = original.powerState !== 'Halted'
      // A clone is made beside a source that lives, and its job goes on.
      const by = over.find(({ vm }) => (runs ? vm.powerState !== 'Halted' && !vm.failedOver?.clone : true))
      if (by === undefined || (!runs && original.startBlocked)) return []
      const { uuid, name } = original
      const job = by.vm.failedOver?.job ?? ''
      return [{ pool: inventory.pool, poolName, vm: { uuid, name }, by: { name: by.vm.name, poolName: by.poolName, job }, runs }]
    }),
  )
}
