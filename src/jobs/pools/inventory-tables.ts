/** What is in a pool, kept up to date by events. */
import { isDeepStrictEqual } from 'node:util'
import { type Row, rowOf, WATCHED, type WatchedClass } from './inventory-rows.ts'

export interface EventBatch {
  readonly events: readonly { readonly class: string; readonly ref: string; readonly operation: string; readonly snapshot?: unknown }[]
  readonly token: string
  readonly valid_ref_counts?: Readonly<Record<string, number>>
}

const BY_LOWER_CASE = new Map(WATCHED.map((name) => [name.toLowerCase(), name] as const))

export class InventoryTables {
  readonly #tables = new Map<WatchedClass, Map<string, object | undefined>>(WATCHED.map((name) => [name, new Map()]))

  get<C extends WatchedClass>(name: C, ref: string): Row<C> | undefined {
    return this.#tables.get(name)?.get(ref) as Row<C> | undefined
  }

  /** The objects of a class that are of interest, by reference. */
  *rows<C extends WatchedClass>(name: C): Iterable<[ref: string, row: Row<C>]> {
    for (const [ref, row] of this.#tables.get(name) as Map<string, Row<C> | undefined>) if (row !== undefined) yield [ref, row]
  }

  /** Takes events in. Whether anything that is kept is different now. */
  apply(events: EventBatch['events']): boolean {
    let changed = false
    for (const event of events) {
      const name = BY_LOWER_CASE.get(event.class.toLowerCase())
      const table = name && this.#tables.get(name)
      if (!name || !table) continue
      const before = table.get(event.ref)
      if (event.operation === 'del') {
        table.delete(event.ref)
        changed ||= before !== undefined
      } else if (event.snapshot) {
        const row = rowOf(name, event.snapshot)
        table.set(event.ref, row)
        changed ||= !isDeepStrictEqual(before, row)
      }
    }
    return changed
  }

  /** Takes a first batch in, which has everything: what is not in it is gone. Whether anything is different. */
  replace(events: EventBatch['events']): boolean {
    let changed = false
    const there = new Map(WATCHED.map((name) => [name.toLowerCase(), new Set<string>()]))
    for (const event of events) if (event.operation !== 'del') there.get(event.class.toLowerCase())?.add(event.ref)
    for (const [name, table] of this.#tables) {
      for (const [ref, row] of table) {
        if (there.get(name.toLowerCase())?.has(ref)) continue
        table.delete(ref)
        changed ||= row !== undefined
      }
    }
    return this.apply(events) || changed
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
