/** VM.snapshot, checkpoint, clone, copy (ocaml/xapi/xapi_vm.ml, xapi_vm_snapshot.ml). */
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { featuresOf } from '../storage/driver-features.ts'
import { endDomain } from './domain.ts'
import { flag, text, texts } from './fields.ts'
import { withVmOperation } from './operation-lock.ts'
import { assertNotIsoSr, copyVm } from './vm-copy.ts'
import { tellAbout } from './vm-news.ts'
import { dropSuspendImage } from './vm-start.ts'
import { resumeSuspended, suspendDomain } from './vm-stop.ts'

async function snapshot(call: Call, vm: Refstring, name: string, ignoredDisks: readonly Refstring[] = []): Promise<Refstring> {
  const made = await withVmOperation(call, { vm, operation: 'snapshot' }, () => copyVm(call, { vm, name, kind: 'snapshot', ignoredDisks }))
  tellAbout(call, vm, 'VM_SNAPSHOTTED', `snapshotted, snapshot name: ${name}`)
  return made
}

/** A running VM is suspended, snapshotted with the suspend image, and goes on. */
async function checkpoint(call: Call, vm: Refstring, name: string): Promise<Refstring> {
  const made = await withVmOperation(call, { vm, operation: 'checkpoint' }, async () => {
    if (text(call.pool.db.get('VM', vm), 'power_state') !== 'Running') return copyVm(call, { vm, name, kind: 'checkpoint' })
    const host = text(call.pool.db.get('VM', vm), 'resident_on')
    assertSnapshots(call, vm)
    await suspendDomain(call, vm)
    try {
      return await copyVm(call, { vm, name, kind: 'checkpoint', stateToNote: 'Running' })
    } finally {
      await resumeSuspended(call, vm, host)
    }
  })
  tellAbout(call, vm, 'VM_CHECKPOINTED', `checkpointed, snapshot name: ${name}`)
  return made
}

/** Looked at before the VM is suspended (checkpoint in ocaml/xapi/xapi_vm_snapshot.ml); the error names the VM, not the SR. */
function assertSnapshots({ pool }: Call, vm: Refstring): void {
  const disks = texts(pool.db.get('VM', vm), 'VBDs')
    .map((vbd) => pool.db.get('VBD', vbd))
    .filter((vbd) => text(vbd, 'type') !== 'CD')
  for (const { VDI } of disks) {
    const sr = text(pool.db.find('VDI', VDI as Refstring) ?? {}, 'SR')
    if (pool.db.find('SR', sr) && !featuresOf(pool.db, sr).has('VDI_SNAPSHOT')) throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [vm])
  }
}

function clone(call: Call, vm: Refstring, name: string): Promise<Refstring> {
  return withVmOperation(call, { vm, operation: 'clone' }, async () => {
    const made = await copyVm(call, { vm, name, kind: 'clone' })
    await haltCopyOfCheckpoint(call, vm, made)
    return made
  })
}

function copy(call: Call, vm: Refstring, name: string, sr: Refstring): Promise<Refstring> {
  return withVmOperation(call, { vm, operation: 'copy' }, async () => {
    // An SR that isn't there means: each disk stays where it is.
    const target = call.pool.db.find('SR', sr) ? sr : undefined
    if (target !== undefined) assertNotIsoSr(call, target)
    const made = await copyVm(call, { vm, name, kind: 'copy', ...(target !== undefined && { sr: target }) })
    await haltCopyOfCheckpoint(call, vm, made)
    return made
  })
}

/** A VM made from a checkpoint starts afresh: the memory is not for a second machine. Being a template does not matter here. */
async function haltCopyOfCheckpoint(call: Call, from: Refstring, made: Refstring): Promise<void> {
  const { db } = call.pool
  if (!flag(db.get('VM', from), 'is_a_snapshot') || text(db.get('VM', made), 'power_state') === 'Halted') return
  endDomain(call.pool, made, 'Halted')
  await dropSuspendImage(call, made)
}

export const vmSnapshotMessages: MessageTable = {
  'VM.snapshot': snapshot,
  'VM.snapshot_with_quiesce': (call, vm: Refstring) => withVmOperation(call, { vm, operation: 'snapshot_with_quiesce' }, () => undefined),
  'VM.checkpoint': checkpoint,
  'VM.clone': clone,
  'VM.copy': copy,
}
