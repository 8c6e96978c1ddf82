/**
 * The object database of a pool: rows in memory, mirrored fields, generations for events, one SQLite file behind it.
 *
 * A row read is a snapshot: nothing changes it later. Derived fields are computed when they are looked at, so a computation may
 * read other objects freely; spreading a row with derived fields computes them all.
 */
import { randomUUID } from 'node:crypto'
import { classes } from '../../xapi/model.ts'
import { type Database, type DocumentStore, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { openDatabaseFile, type StoredObject } from './database-file.ts'
import { documentStore } from './documents.ts'
import { emptyValue, NULL } from './empty-value.ts'
import { getOrMake } from './get-or-make.ts'
import { type Relation, relationsFrom, relationsTo } from './relations.ts'
import { sameValue } from './same-value.ts'
import { storable } from './storable.ts'

/** Classes that start empty whenever the toolstack starts (PersistNothing in xen-api ocaml/idl/datamodel.ml). */
const TRANSIENT: ReadonlySet<string> = new Set(['session', 'task'])
/** A table remembers between N/2 and N of its last deletions (xen-api ocaml/database/db_cache_types.ml). */
const DELETIONS_KEPT = 512
/** Generations written down ahead of use, so that a restart never gives one out twice though few changes are committed. */
const GENERATIONS_RESERVED = 100_000

export interface ObjectVersion {
  readonly ref: Refstring
  readonly created: number
  readonly modified: number
}

export interface Deletion {
  readonly ref: Refstring
  readonly created: number
  readonly deleted: number
}

/** What events need beside the plain database. */
export interface VersionedDatabase extends Database {
  /** Number of the last change. */
  readonly generation: number
  /** Number of the last change of this class. */
  generationOf(className: string): number
  classNames(): string[]
  count(className: string): number
  versions(className: string): Iterable<ObjectVersion>
  version(className: string, ref: Refstring): ObjectVersion | undefined
  deletions(className: string): Iterable<Deletion>
  /** Whether there is something to commit. */
  readonly dirty: boolean
}

interface Entry {
  fields: Row
  readonly created: number
  modified: number
  /** The row as readers get it; undefined when it has to be made again. */
  view: Row | undefined
}

interface Table {
  readonly objects: Map<Refstring, Entry>
  readonly byUuid: Map<string, Refstring>
  deletions: Deletion[]
  generation: number
  readonly derived: Map<string, (ref: Refstring, row: Row) => Value>
}

/** Opens or makes the database in `path` (a file). */
export function openDatabase(path: string): VersionedDatabase {
  const file = openDatabaseFile(path)
  let closed = false
  let generation = file.firstGeneration
  let reserved = generation
  const nextGeneration = () => {
    if (generation + 1 >= reserved) {
      reserved = generation + GENERATIONS_RESERVED
      if (!closed) file.reserve(reserved)
    }
    generation += 1
    return generation
  }
  const tables = new Map<string, Table>()
  for (const name of Object.keys(classes)) {
    if (name === 'event' || !classes[name]?.fields.uuid) continue
    tables.set(name, { objects: new Map(), byUuid: new Map(), deletions: [], generation: 0, derived: new Map() })
  }
  /** Target class, then target reference, then mirrored field: who refers to it. */
  const mirrors = new Map<string, Map<Refstring, Map<string, Set<Refstring>>>>()
  const listeners = new Set<(className: string, ref: Refstring, operation: 'add' | 'mod' | 'del') => void>()
  const documents = documentStore(file.documents())
  const dirty = new Map<string, Set<Refstring>>()

  const table = (className: string): Table => {
    const found = tables.get(className)
    if (!found) throw new Error(`no such class: ${className}`)
    return found
  }
  const entryOf = (className: string, ref: Refstring): Entry => {
    const found = table(className).objects.get(ref)
    if (!found) throw new XapiFailure('HANDLE_INVALID', [className, ref])
    return found
  }
  const mark = (className: string, ref: Refstring) => {
    if (TRANSIENT.has(className)) return
    getOrMake(dirty, className, () => new Set()).add(ref)
  }
  const tell = (className: string, ref: Refstring, operation: 'add' | 'mod' | 'del') => {
    for (const listener of [...listeners]) listener(className, ref, operation)
  }
  const mirrored = ({ to, mirror }: Relation, target: Refstring): Set<Refstring> => {
    const ofClass = getOrMake(mirrors, to, () => new Map())
    const ofRef = getOrMake(ofClass, target, () => new Map())
    return getOrMake(ofRef, mirror, () => new Set())
  }
  const targets = (value: Value | undefined): readonly Refstring[] => {
    if (typeof value === 'string') return value === NULL || value === '' ? [] : [value]
    return Array.isArray(value) ? (value as string[]).filter((ref) => ref !== NULL) : []
  }
  /** Carries a changed reference over to the objects it left and the objects it came to; returns those that changed. */
  const relink = (className: string, ref: Refstring, before: Row | undefined, after: Row | undefined): [string, Refstring][] => {
    const changed: [string, Refstring][] = []
    for (const relation of relationsFrom(className)) {
      const old = targets(before?.[relation.field])
      const now = targets(after?.[relation.field])
      for (const target of old) {
        if (now.includes(target)) continue
        mirrored(relation, target).delete(ref)
        changed.push([relation.to, target])
      }
      for (const target of now) {
        if (old.includes(target)) continue
        mirrored(relation, target).add(ref)
        changed.push([relation.to, target])
      }
    }
    return changed
  }
  const bump = (className: string, ref: Refstring, entry: Entry) => {
    entry.modified = nextGeneration()
    entry.view = undefined
    table(className).generation = generation
    mark(className, ref)
  }
  const bumpAll = (changed: readonly [string, Refstring][]) => {
    for (const [className, ref] of changed) {
      const entry = table(className).objects.get(ref)
      if (!entry) continue
      bump(className, ref, entry)
      tell(className, ref, 'mod')
    }
  }
  const view = (className: string, ref: Refstring, entry: Entry): Row => {
    if (entry.view) return entry.view
    const row: Record<string, Value> = { ...entry.fields }
    const references = mirrors.get(className)?.get(ref)
    for (const relation of relationsTo(className)) row[relation.mirror] = [...(references?.get(relation.mirror) ?? [])]
    const derived = table(className).derived
    const out = derived.size === 0 ? row : { ...row }
    for (const [field, compute] of derived) {
      Object.defineProperty(out, field, { enumerable: true, configurable: true, get: () => compute(ref, row) })
    }
    entry.view = out
    return out
  }
  const checkFields = (className: string, patch: Row) => {
    const fields = classes[className]?.fields ?? {}
    for (const field of Object.keys(patch)) {
      if (!Object.hasOwn(fields, field)) throw new Error(`${className} has no field ${field}`)
    }
    for (const { mirror } of relationsTo(className)) {
      if (patch[mirror] !== undefined) throw new Error(`${className}.${mirror} mirrors another class and can't be set`)
    }
  }
  const insert = (className: string, ref: Refstring, entry: Entry) => {
    const into = table(className)
    into.objects.set(ref, entry)
    into.byUuid.set(entry.fields.uuid as string, ref)
    into.generation = Math.max(into.generation, entry.modified)
  }

  for (const { className, ref, created, modified, fields } of file.objects()) {
    if (!tables.has(className)) continue
    insert(className, ref, { fields: complete(className, fields), created, modified, view: undefined })
    relink(className, ref, undefined, fields)
  }

  return {
    get generation() {
      return generation
    },
    get dirty() {
      return dirty.size > 0 || documents.dirty
    },
    documents: documents as DocumentStore,
    generationOf: (className) => table(className).generation,
    classNames: () => [...tables.keys()],
    count: (className) => table(className).objects.size,
    *versions(className) {
      for (const [ref, entry] of table(className).objects) yield { ref, created: entry.created, modified: entry.modified }
    },
    version(className, ref) {
      const entry = table(className).objects.get(ref)
      return entry && { ref, created: entry.created, modified: entry.modified }
    },
    deletions: (className) => table(className).deletions,
    create(className, given, ref = `OpaqueRef:${randomUUID()}`) {
      checkFields(className, given)
      if (table(className).objects.has(ref)) throw new Error(`${className} ${ref} exists already`)
      const fields = complete(className, given)
      nextGeneration()
      insert(className, ref, { fields, created: generation, modified: generation, view: undefined })
      mark(className, ref)
      tell(className, ref, 'add')
      bumpAll(relink(className, ref, undefined, fields))
      return ref
    },
    get: (className, ref) => view(className, ref, entryOf(className, ref)),
    find(className, ref) {
      const entry = tables.get(className)?.objects.get(ref)
      return entry && view(className, ref, entry)
    },
    update(className, ref, patch) {
      const entry = entryOf(className, ref)
      checkFields(className, patch)
      const before = entry.fields
      if (Object.keys(patch).every((field) => patch[field] === undefined || sameValue(before[field], patch[field]))) return
      const after: Record<string, Value> = { ...before }
      for (const [field, value] of Object.entries(patch)) if (value !== undefined) after[field] = storable(value)
      if (after.uuid !== before.uuid) {
        table(className).byUuid.delete(before.uuid as string)
        table(className).byUuid.set(after.uuid as string, ref)
      }
      entry.fields = after
      bump(className, ref, entry)
      tell(className, ref, 'mod')
      bumpAll(relink(className, ref, before, after))
    },
    delete(className, ref) {
      const entry = entryOf(className, ref)
      const from = table(className)
      from.objects.delete(ref)
      from.byUuid.delete(entry.fields.uuid as string)
      from.generation = nextGeneration()
      from.deletions.push({ ref, created: entry.created, deleted: generation })
      if (from.deletions.length >= DELETIONS_KEPT) from.deletions = from.deletions.slice(-DELETIONS_KEPT / 2)
      mark(className, ref)
      tell(className, ref, 'del')
      bumpAll(relink(className, ref, entry.fields, undefined))
    },
    refs: (className) => [...table(className).objects.keys()],
    byUuid: (className, uuid) => table(className).byUuid.get(uuid),
    touch(className, ref) {
      bump(className, ref, entryOf(className, ref))
      tell(className, ref, 'mod')
    },
    derive(className, field, compute) {
      if (!classes[className]?.fields[field]) throw new Error(`${className} has no field ${field}`)
      const of = table(className)
      of.derived.set(field, compute)
      for (const entry of of.objects.values()) entry.view = undefined
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    commit() {
      // What a handler still does while its pool stops comes too late to be kept.
      if (closed || (dirty.size === 0 && !documents.dirty)) return
      const objects: StoredObject[] = []
      const gone: [string, Refstring][] = []
      for (const [className, refs] of dirty) {
        for (const ref of refs) {
          const entry = table(className).objects.get(ref)
          if (!entry) gone.push([className, ref])
          else objects.push({ className, ref, created: entry.created, modified: entry.modified, fields: entry.fields })
        }
      }
      file.write({ objects, gone, documents: documents.takeChanges() })
      dirty.clear()
    },
    close() {
      if (closed) return
      this.commit()
      closed = true
      file.close()
    },
  }
}

/** Every field of the class that is stored, with empty values for those not given. */
function complete(className: string, given: Row): Row {
  const mirrorsOf = new Set(relationsTo(className).map(({ mirror }) => mirror))
  const out: Record<string, Value> = {}
  for (const [field, [type]] of Object.entries(classes[className]?.fields ?? {})) {
    if (mirrorsOf.has(field)) continue
    const value = given[field]
    out[field] = value !== undefined ? storable(value) : field === 'uuid' ? randomUUID() : emptyValue(type)
  }
  return out
}
