/**
 * The record of a VM as its snapshot keeps it, for reverting to. XAPI writes an S-expression of its database row there; to clients it
 * is opaque text, and here it is JSON.
 */
import { classes } from '../../xapi/model.ts'
import { type Row, type Value, XapiFailure } from '../pool.ts'

/** Computed from other objects, or kept by the database: neither stored nor brought back. */
const NOT_KEPT = new Set(['allowed_operations', 'current_operations', 'snapshot_metadata'])

export function snapshotMetadata(vm: Row): string {
  const fields = Object.keys(classes.VM?.fields ?? {}).filter((name) => !NOT_KEPT.has(name))
  return JSON.stringify(Object.fromEntries(fields.map((name) => [name, vm[name] ?? null])))
}

/** Undefined for a VM that never was a snapshot. */
export function parseSnapshotMetadata(metadata: string): Readonly<Record<string, Value>> | undefined {
  if (metadata === '') return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(metadata)
  } catch {
    throw new XapiFailure('INTERNAL_ERROR', ['snapshot_metadata can not be read'])
  }
  const known = classes.VM?.fields ?? {}
  const fields = Object.entries(parsed as Record<string, Value | null>).filter(
    ([name, value]) => value !== null && Object.hasOwn(known, name),
  )
  return Object.fromEntries(fields) as Record<string, Value>
}
