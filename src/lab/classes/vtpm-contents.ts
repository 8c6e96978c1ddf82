/**
 * What a VTPM holds. The API's record has no field for it: XAPI keeps a reference to a secret beside it (ocaml/xapi/xapi_vtpm.ml); here
 * that reference is a document under the VTPM's uuid.
 */
import { type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { NULL_REF, text } from './fields.ts'

const KIND = 'vtpm-secret'

export interface NewVtpm {
  readonly unique: boolean
  readonly contents: string
  /** A new one when absent. */
  readonly uuid?: string
}

export function createVtpm(pool: LabPool, vm: Refstring, { unique, contents, uuid }: NewVtpm): Refstring {
  const fields = { VM: vm, backend: NULL_REF, persistence_backend: 'xapi', is_unique: unique, ...(uuid !== undefined && { uuid }) }
  const vtpm = pool.db.create('VTPM', fields)
  setVtpmContents(pool, vtpm, contents)
  return vtpm
}

/** Base64 text; empty for a VTPM that was never written. */
export function vtpmContents(pool: LabPool, vtpm: Refstring): string {
  const secret = secretOf(pool, vtpm)
  return secret === undefined ? '' : text(pool.db.get('secret', secret), 'value')
}

export function setVtpmContents(pool: LabPool, vtpm: Refstring, contents: string): void {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(contents) || contents.length % 4 !== 0) throw new XapiFailure('INTERNAL_ERROR', ['Malformed input'])
  const previous = secretOf(pool, vtpm)
  const uuid = text(pool.db.get('VTPM', vtpm), 'uuid')
  pool.db.documents.put(KIND, uuid, pool.db.create('secret', { value: contents }))
  if (previous !== undefined) pool.db.delete('secret', previous)
}

export function deleteVtpm(pool: LabPool, vtpm: Refstring): void {
  const secret = secretOf(pool, vtpm)
  if (secret !== undefined) pool.db.delete('secret', secret)
  pool.db.documents.remove(KIND, text(pool.db.get('VTPM', vtpm), 'uuid'))
  pool.db.delete('VTPM', vtpm)
}

function secretOf(pool: LabPool, vtpm: Refstring): Refstring | undefined {
  const secret = pool.db.documents.get(KIND, text(pool.db.get('VTPM', vtpm), 'uuid'))
  return typeof secret === 'string' && pool.db.find('secret', secret) ? secret : undefined
}
