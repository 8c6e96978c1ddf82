/** What is in a pool, kept up to date by events. */
import { isDeepStrictEqual } from 'node:util'
import type { InventoryVm } from '../../core/control/pool-record.ts'
import { type Row, rowOf, WATCHED, type WatchedClass } from './inventory-rows.ts'
import { InventoryVms, type Rows } from './inventory-vms.ts'

export interface EventBatch {
  readonly events: readonly { readonly class: string; readonly ref: string; readonly operation: string; readonly snapshot?: unknown }[]
  readonly token: string
  readonly valid_ref_counts?: Readonly<Record<string, number>>
}

const BY_LOWER_CASE = new Map(WATCHED.map((name) => [name.toLowerCase(), name] as const))

/** Classes whose rows show only as part of a VM. */
const OF_VMS: ReadonlySet<WatchedClass> = new Set<WatchedClass>(['VM', 'VBD', 'VDI', 'VIF'])

export class InventoryTables implements Rows {
  readonly #tables = new Map<WatchedClass, Map<string, object | undefined>>(WATCHED.map((name) => [name, new Map()]))
  readonly #vms: InventoryVms = new InventoryVms(this)

  get<C extends WatchedClass>(name: C, ref: string): Row<C> | undefined {
    return this.#tables.get(name)?.get(ref) as Row<C> | undefined
  }

  /** The objects of a class that are of interest, by reference. */
  *rows<C extends WatchedClass>(name: C): Iterable<[ref: string, row: Row<C>]> {
    for (const [ref, row] of this.#tables.get(name) as Map<string, Row<C> | undefined>) if (row !== undefined) yield [ref, row]
  }

  /** Objects of a class, of interest or not. */
  size(name: WatchedClass): number {
    return this.#tables.get(name)?.size ?? 0
  }

  /** Those that can be protected and replicas, by name. */
  vms(): readonly InventoryVm[] {
    return this.#vms.list()
  }

  /** Takes events in. Whether anything that is shown is different now. */
  apply(events: EventBatch['events']): boolean {
    let changed = false
    for (const event of events) {
      const name = BY_LOWER_CASE.get(event.class.toLowerCase())
      if (!name) continue
      if (event.operation === 'del') changed = this.#remove(name, event.ref) || changed
      else if (event.snapshot) changed = this.#put(name, event.ref, rowOf(name, event.snapshot)) || changed
    }
    return this.#vms.takeNews() || changed
  }

  /** What is not among these events, which are about everything there is, is gone. Whether anything that is shown is different. */
  keepOnly(events: EventBatch['events']): boolean {
    let changed = false
    const there = new Map(WATCHED.map((name) => [name.toLowerCase(), new Set<string>()]))
    for (const event of events) if (event.operation !== 'del') there.get(event.class.toLowerCase())?.add(event.ref)
    for (const [name, table] of this.#tables) {
      for (const ref of table.keys()) if (!there.get(name.toLowerCase())?.has(ref)) changed = this.#remove(name, ref) || changed
    }
    return this.#vms.takeNews() || changed
  }

  #remove(name: WatchedClass, ref: string): boolean {
    const table = this.#tables.get(name)
    const before = table?.get(ref)
    table?.delete(ref)
    return this.#noted(name, ref, before, undefined)
  }

  #put(name: WatchedClass, ref: string, row: object | undefined): boolean {
    const table = this.#tables.get(name)
    const before = table?.get(ref)
    table?.set(ref, row)
    return (before === undefined || !isDeepStrictEqual(before, row)) && this.#noted(name, ref, before, row)
  }

  #noted(name: WatchedClass, ref: string, before: object | undefined, after: object | undefined): boolean {
    if (before === undefined && after === undefined) return false
    this.#vms.changed(name, ref, before as Row<typeof name> | undefined, after as Row<typeof name> | undefined)
    return !OF_VMS.has(name)
  }

  /**
   * Whether the pool counts as many objects as are kept. It forgets deletions when there are many (xen-api ocaml/database/db_cache_types.ml),
   * and this is how that shows (behaviour.md 3).
   */
  agreesWith(counts: EventBatch['valid_ref_counts']): boolean {
    if (counts === undefined) return true
    return WATCHED.every((name) => {
      const count = counts[name.toLowerCase()]
      return count === undefined || count === this.#tables.get(name)?.size
    })
  }
}
