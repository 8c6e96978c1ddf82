/** VM.destroy: the VM and its devices go, its disks stay (ocaml/xapi/xapi_vm.ml, xapi_vm_helpers.ml). */
import { type Call, type LabPool, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { isNullRef, map, text, texts } from './fields.ts'
import { forgetGuest } from './guest-tools.ts'
import { withVmOperation } from './operation-lock.ts'
import { deleteVtpm } from './vtpm-contents.ts'

function destroy(call: Call, vm: Refstring): Promise<undefined> {
  return withVmOperation(call, { vm, operation: 'destroy' }, () => {
    if (map(call.pool.db.get('VM', vm), 'other_config').default_template === 'true') {
      throw new XapiFailure('VM_CANNOT_DELETE_DEFAULT_TEMPLATE')
    }
    deleteVm(call.pool, vm)
    return undefined
  })
}

/** Removes a VM's records in one step. Snapshots taken of it stay, with a dangling `snapshot_of`; its children get its parent. */
export function deleteVm(pool: LabPool, vm: Refstring): void {
  const { db } = pool
  const row = db.get('VM', vm)
  forgetGuest(pool, vm)
  for (const child of texts(row, 'children')) db.update('VM', child, { parent: text(row, 'parent') })
  for (const vtpm of texts(row, 'VTPMs')) deleteVtpm(pool, vtpm)
  for (const vbd of texts(row, 'VBDs')) deleteDevice(pool, 'VBD', vbd)
  for (const vif of texts(row, 'VIFs')) deleteDevice(pool, 'VIF', vif)
  for (const console of texts(row, 'consoles')) db.delete('console', console)
  for (const blob of Object.values(map(row, 'blobs'))) if (db.find('blob', blob)) db.delete('blob', blob)
  deleteIfThere(pool, 'VM_metrics', text(row, 'metrics'))
  deleteIfThere(pool, 'VM_guest_metrics', text(row, 'guest_metrics'))
  db.delete('VM', vm)
}

/** Removes a VBD or VIF and its metrics. */
export function deleteDevice(pool: LabPool, kind: 'VBD' | 'VIF', ref: Refstring): void {
  deleteIfThere(pool, `${kind}_metrics`, text(pool.db.get(kind, ref), 'metrics'))
  pool.db.delete(kind, ref)
}

/** Removes an object that may be gone already. */
export function deleteIfThere(pool: LabPool, className: string, ref: Refstring): void {
  if (!isNullRef(ref) && pool.db.find(className, ref)) pool.db.delete(className, ref)
}

export const vmDestroyMessages: MessageTable = { 'VM.destroy': destroy }
