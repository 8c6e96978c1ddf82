/**
 * Disks attached to domains: what the storage layer below the toolstack allows, and the mark of a disk's content that comes and goes
 * with writers (`content_id`, ocaml/xapi/storage_smapiv1.ml). Attachments by bulk transfers have their own way (src/lab/storage/).
 */
import { randomUUID } from 'node:crypto'
import { type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { endCutTracking } from './cut-tracking.ts'
import { flag, isNullRef, map, text, texts, without } from './fields.ts'
import { isLive } from './vm-facts.ts'

interface User {
  readonly mode: string
  readonly isControlDomain: boolean
}

/** Who uses a disk now through VBDs of live VMs, one VBD left out. */
function usersOf(pool: LabPool, vdi: Refstring, except: Refstring): User[] {
  const vbds = texts(pool.db.get('VDI', vdi), 'VBDs').filter((vbd) => vbd !== except)
  return vbds.flatMap((vbd) => {
    const row = pool.db.get('VBD', vbd)
    const vm = pool.db.find('VM', text(row, 'VM'))
    if (!flag(row, 'currently_attached') || !vm || !isLive(vm)) return []
    return [{ mode: text(row, 'mode'), isControlDomain: flag(vm, 'is_control_domain') }]
  })
}

/**
 * What is active for readers only can't become active for a writer, nor the other way round while a VM holds it
 * (ocaml/xapi-idl/storage/vdi_automaton.ml); to clients the storage layer's refusal is an internal error. The same rule as for bulk
 * transfers.
 */
export function assertActivatable(pool: LabPool, vbd: Refstring): void {
  const row = pool.db.get('VBD', vbd)
  if (isNullRef(text(row, 'VDI'))) return
  const mode = text(row, 'mode')
  const users = usersOf(pool, text(row, 'VDI'), vbd)
  const refused =
    mode === 'RW'
      ? users.length > 0 && users.every((user) => user.mode === 'RO')
      : users.some((user) => user.mode === 'RW' && !user.isControlDomain)
  if (!refused) return
  const states = `[[S(Activated);S(${mode === 'RW' ? 'RO' : 'RW'})];[S(Activated);S(${mode})]]`
  throw new XapiFailure('INTERNAL_ERROR', [`Storage_interface.Storage_error ([S(Illegal_transition);${states}])`])
}

/** Notes that a VBD is plugged under a name. A disk that is written to has no known content until its last writer is gone. */
export function attachDisk(pool: LabPool, vbd: Refstring, device: string): void {
  const row = pool.db.get('VBD', vbd)
  pool.db.update('VBD', vbd, { currently_attached: true, device })
  const disk = pool.db.find('VDI', text(row, 'VDI'))
  if (!disk) return
  if (text(row, 'mode') === 'RW') {
    pool.db.update('VDI', text(row, 'VDI'), { other_config: without(map(disk, 'other_config'), 'content_id') })
    endCutTracking(pool, text(row, 'VDI'))
  }
  pool.db.touch('VDI', text(row, 'VDI'))
}

export function detachDisk(pool: LabPool, vbd: Refstring): void {
  const row = pool.db.get('VBD', vbd)
  const wasAttached = flag(row, 'currently_attached')
  pool.db.update('VBD', vbd, { currently_attached: false })
  const vdi = text(row, 'VDI')
  const disk = pool.db.find('VDI', vdi)
  if (!disk || !wasAttached) return
  const config = map(disk, 'other_config')
  if (config.content_id === undefined && usersOf(pool, vdi, vbd).length === 0) {
    pool.db.update('VDI', vdi, { other_config: { ...config, content_id: randomUUID() } })
  }
  pool.db.touch('VDI', vdi)
}
