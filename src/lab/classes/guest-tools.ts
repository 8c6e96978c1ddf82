/**
 * What the lab knows of the guest inside a VM: whether it has guest tools, and the address it tells. Kept as a document under the VM's
 * uuid, and taken along by clones and snapshots, as tools on a disk would be. A VM made through the API has none until the lab is told, of
 * it or of all such VMs: disks that were imported block by block may well hold a system with tools.
 */
import type { LabPool, Refstring, Value } from '../pool.ts'
import { text } from './fields.ts'

const KIND = 'guest'

export interface Guest {
  readonly tools: boolean
  /** Address that the guest tells for its first interface; none: derived from its MAC. */
  readonly address?: string
  readonly osName?: string
}

export function guestOf(pool: LabPool, vm: Refstring): Guest {
  const found = pool.db.documents.get(KIND, uuidOf(pool, vm))
  return found === undefined ? strangers(pool) : (found as unknown as Guest)
}

/** For VMs that the lab knows nothing of. */
export function setStrangers(pool: LabPool, guest: Guest): void {
  pool.db.documents.put(KIND, STRANGERS, { ...guest } as unknown as Value)
}

const STRANGERS = 'strangers'
const strangers = (pool: LabPool): Guest => (pool.db.documents.get(KIND, STRANGERS) as unknown as Guest | undefined) ?? { tools: false }

/** To be called by whoever makes lab VMs; takes effect when the VM starts next. */
export function setGuest(pool: LabPool, vm: Refstring, guest: Guest): void {
  pool.db.documents.put(KIND, uuidOf(pool, vm), { ...guest } as unknown as Value)
}

export function copyGuest(pool: LabPool, from: Refstring, to: Refstring): void {
  const found = pool.db.documents.get(KIND, uuidOf(pool, from))
  if (found !== undefined) pool.db.documents.put(KIND, uuidOf(pool, to), found)
  else forgetGuest(pool, to)
}

export function forgetGuest(pool: LabPool, vm: Refstring): void {
  const uuid = uuidOf(pool, vm)
  if (pool.db.documents.get(KIND, uuid) !== undefined) pool.db.documents.remove(KIND, uuid)
}

function uuidOf(pool: LabPool, vm: Refstring): string {
  return text(pool.db.get('VM', vm), 'uuid')
}
