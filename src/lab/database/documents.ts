/** Named documents beside the objects; made durable by the database's commit. */
import type { DocumentStore, Value } from '../pool.ts'
import { getOrMake } from './get-or-make.ts'

export interface DirtyDocuments extends DocumentStore {
  readonly dirty: boolean
  /** Documents changed since the last call; undefined: removed. */
  takeChanges(): [kind: string, key: string, value: Value | undefined][]
}

export function documentStore(stored: readonly (readonly [kind: string, key: string, value: Value])[]): DirtyDocuments {
  const kinds = new Map<string, Map<string, Value>>()
  const changed = new Map<string, Set<string>>()
  const ofKind = (kind: string) => getOrMake(kinds, kind, () => new Map<string, Value>())
  const mark = (kind: string, key: string) => getOrMake(changed, kind, () => new Set<string>()).add(key)
  for (const [kind, key, value] of stored) ofKind(kind).set(key, value)
  return {
    get: (kind, key) => kinds.get(kind)?.get(key),
    put(kind, key, value) {
      ofKind(kind).set(key, value)
      mark(kind, key)
    },
    remove(kind, key) {
      if (kinds.get(kind)?.delete(key)) mark(kind, key)
    },
    entries: (kind) => [...(kinds.get(kind) ?? [])],
    get dirty() {
      return changed.size > 0
    },
    takeChanges() {
      const out: [string, string, Value | undefined][] = []
      for (const [kind, keys] of changed) for (const key of keys) out.push([kind, key, kinds.get(kind)?.get(key)])
      changed.clear()
      return out
    },
  }
}
