/**
 * Copies of a VM's disks, one after the other. Each is made by the message that a client would call; a failure removes what was made
 * (ocaml/xapi/xapi_vm_clone.ml, safe_clone_disks).
 */
import { type Call, type Refstring, XapiFailure } from '../pool.ts'
import type { VbdCopy } from './device-copy.ts'
import { count, flag, NULL_REF, text } from './fields.ts'

/** `copy` without SR: into the SR of each disk. */
export type DiskCopy = { readonly kind: 'snapshot' } | { readonly kind: 'clone' } | { readonly kind: 'copy'; readonly sr?: Refstring }

export function copyDisk(call: Call, vdi: Refstring, how: DiskCopy): Promise<Refstring> {
  const { pool } = call
  switch (how.kind) {
    case 'snapshot':
      return pool.invoke('VDI.snapshot', vdi, {}) as Promise<Refstring>
    case 'clone':
      return pool.invoke('VDI.clone', vdi, {}) as Promise<Refstring>
    case 'copy':
      return pool.invoke('VDI.copy', vdi, how.sr ?? text(pool.db.get('VDI', vdi), 'SR'), NULL_REF, NULL_REF) as Promise<Refstring>
  }
}

export interface DiskCopies {
  readonly copies: readonly VbdCopy[]
  /** Destroys the disks that were made; errors of that are not told. */
  undo(): Promise<void>
}

/** Empty drives stay empty and CDs go on pointing at the same image: those are not copied. */
export async function copyDisks(call: Call, vbds: readonly Refstring[], how: DiskCopy): Promise<DiskCopies> {
  const { db } = call.pool
  const copies: VbdCopy[] = []
  const made: Refstring[] = []
  const undo = () => destroyDisks(call, made)
  const sizes = vbds.map((vbd) => count(db.find('VDI', text(db.get('VBD', vbd), 'VDI')) ?? {}, 'virtual_size'))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let done = 0
  try {
    for (const [index, vbd] of vbds.entries()) {
      if (call.task?.cancelled) throw new XapiFailure('TASK_CANCELLED', [call.task.ref])
      const row = db.get('VBD', vbd)
      if (flag(row, 'empty') || text(row, 'type') === 'CD') {
        copies.push({ vbd, vdi: flag(row, 'empty') ? NULL_REF : text(row, 'VDI') })
      } else {
        const vdi = await copyDisk(call, text(row, 'VDI'), how)
        made.push(vdi)
        copies.push({ vbd, vdi })
      }
      done += sizes[index] ?? 0
      if (total > 0) call.task?.progress(done / total)
    }
  } catch (error) {
    await undo()
    throw error
  }
  return { copies, undo }
}

export async function destroyDisks(call: Call, vdis: readonly Refstring[]): Promise<void> {
  for (const vdi of vdis) await call.pool.invoke('VDI.destroy', vdi).catch(() => undefined)
}
