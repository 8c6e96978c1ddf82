/** Which VMs a selection chooses at this moment, and what it leaves out and why. Pure. */
import type { Reason } from '../base.ts'
import { because } from './because.ts'
import type { Selection, VmSelector } from './job.ts'
import type { InventoryVm, PoolInventory } from './pool-record.ts'

/** A VM that a selection chooses now, and by which of its selectors. */
export interface SelectedVm {
  readonly pool: string
  readonly vm: string
  readonly name: string
  /** As the inventory has it; null: the VM was not seen. */
  readonly bytesAllocated: number | null
  readonly by: string
}

export type LeftOutVm = SelectedVm & { readonly reason: Reason }

export interface ResolvedSelection {
  readonly vms: readonly SelectedVm[]
  readonly leftOut: readonly LeftOutVm[]
  /** Named by hand, and not seen in their pool, or their pool was not seen yet: a run of them says so. */
  readonly missing: readonly LeftOutVm[]
}

/** Replicas are never chosen: a replica of a replica would be protected twice and never fail over. Templates and snapshots are in no inventory. */
export function resolveSelection(selection: Selection, inventories: readonly PoolInventory[]): ResolvedSelection {
  const vms: SelectedVm[] = []
  const leftOut: LeftOutVm[] = []
  const seen = new Set<string>()
  for (const inventory of inventories) {
    const including = chooser(selection.include, inventory.pool)
    if (including === undefined) continue
    const excluding = chooser(selection.exclude, inventory.pool)
    for (const vm of inventory.vms) {
      const by = including(vm)
      if (by === undefined) continue
      seen.add(`${inventory.pool}/${vm.uuid}`)
      const selected = { pool: inventory.pool, vm: vm.uuid, name: vm.name, bytesAllocated: vm.bytesAllocated, by: describeSelector(by) }
      const excluded = excluding?.(vm)
      if (vm.replicaOf !== null) leftOut.push({ ...selected, reason: because('is-replica', 'it is itself a replica') })
      else if (excluded !== undefined)
        leftOut.push({ ...selected, reason: because('excluded', `it is excluded by ${describeSelector(excluded)}`) })
      else vms.push(selected)
    }
  }
  return { vms, leftOut, missing: missing(selection, seen, new Set(inventories.map(({ pool }) => pool))) }
}

function missing({ include, exclude }: Selection, seen: ReadonlySet<string>, pools: ReadonlySet<string>): LeftOutVm[] {
  const out = new Map<string, LeftOutVm>()
  for (const selector of include) {
    if (selector.kind !== 'vm' || seen.has(`${selector.pool}/${selector.vm}`)) continue
    if (exclude.some((each) => each.kind === 'vm' && each.vm === selector.vm && each.pool === selector.pool)) continue
    const reason = pools.has(selector.pool)
      ? because('vm-not-seen', 'its pool has no VM with this uuid', 'take it out of the job, or correct the uuid')
      : because('pool-not-seen', 'its pool is not registered, or could not be reached since the server started', 'look at the pool')
    const { pool, vm } = selector
    out.set(`${pool}/${vm}`, { pool, vm, name: vm, bytesAllocated: null, by: describeSelector(selector), reason })
  }
  return [...out.values()]
}

/** Finds the first selector that chooses a VM of a pool; undefined: none can. Those by hand may be thousands, and are looked up. */
function chooser(selectors: readonly VmSelector[], pool: string): ((vm: InventoryVm) => VmSelector | undefined) | undefined {
  const here = selectors.filter((selector) => selector.pool === null || selector.pool === pool)
  if (here.length === 0) return undefined
  const byHand = new Map(here.flatMap((each) => (each.kind === 'vm' ? [[each.vm, each] as const] : [])))
  const others = here.filter(({ kind }) => kind !== 'vm')
  return (vm) => byHand.get(vm.uuid) ?? others.find((selector) => selects(selector, pool, vm))
}

function selects(selector: VmSelector, pool: string, vm: InventoryVm): boolean {
  if (selector.pool !== null && selector.pool !== pool) return false
  switch (selector.kind) {
    case 'vm':
      return selector.vm === vm.uuid
    case 'tag':
      return vm.tags.includes(selector.tag)
    case 'name':
      return matchesPattern(selector.pattern, vm.name)
    case 'pool':
      return true
  }
}

export function describeSelector(selector: VmSelector): string {
  switch (selector.kind) {
    case 'vm':
      return 'hand'
    case 'tag':
      return `tag "${selector.tag}"`
    case 'name':
      return `name "${selector.pattern}"`
    case 'pool':
      return 'its pool'
  }
}

/** `*` and `?`, the whole text, upper and lower case are one. Takes time in proportion to both lengths at most, whatever the pattern. */
export function matchesPattern(pattern: string, text: string): boolean {
  const wanted = [...pattern.toLowerCase()]
  const given = [...text.toLowerCase()]
  let at = 0
  let starAt = -1
  let resume = 0
  for (let position = 0; position < given.length; ) {
    if (at < wanted.length && wanted[at] === '*') {
      starAt = at++
      resume = position
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[position])) {
      at++
      position++
    } else if (starAt >= 0) {
      at = starAt + 1
      position = ++resume
    } else return false
  }
  while (wanted[at] === '*') at++
  return at === wanted.length
}
