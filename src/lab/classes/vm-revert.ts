/**
 * VM.revert: a VM becomes again what a snapshot of it kept (ocaml/xapi/xapi_vm_snapshot.ml). Its disks are thrown away first and then
 * replaced by clones of the snapshot's, so a failure in between leaves it halted and without them: that is how hosts do it.
 */
import { type Call, type MessageTable, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { copyMetrics, copyOtherDevices, copyVbd } from './device-copy.ts'
import { copyDisk, copyDisks, destroyDisks } from './disk-copies.ts'
import { endDomain } from './domain.ts'
import { isNullRef, NULL_REF, text, texts } from './fields.ts'
import { freshGenerationId } from './generation-id.ts'
import { copyGuest } from './guest-tools.ts'
import { withVmOperation } from './operation-lock.ts'
import { parseSnapshotMetadata } from './snapshot-metadata.ts'
import { createVm, domainTypeOf } from './vm-create.ts'
import { deleteDevice, deleteIfThere, deleteVm } from './vm-destroy.ts'
import { tellAbout } from './vm-news.ts'
import { deleteVtpm } from './vtpm-contents.ts'

/** Fields of the kept record that stay as the VM has them: identity, links, devices, and what follows from its state. */
const KEPT_BY_VM = new Set([
  ...['uuid', 'suspend_VDI', 'power_state', 'parent', 'children', 'metrics', 'guest_metrics', 'resident_on', 'domid'],
  ...['scheduled_to_be_resident_on', 'protection_policy', 'snapshot_schedule', 'snapshots', 'tags', 'affinity', 'groups'],
  ...['consoles', 'VBDs', 'VIFs', 'VGPUs', 'VUSBs', 'VTPMs', 'attached_PCIs', 'crash_dumps', 'is_snapshot_from_vmpp'],
  ...['snapshot_metadata', 'current_operations', 'allowed_operations'],
])
/** Errors that are told as they are; others become VM_REVERT_FAILED. */
const TOLD = ['SR_BACKEND_FAILURE_44', 'SR_BACKEND_FAILURE_109', 'VDI_INCOMPATIBLE_TYPE']

async function revert(call: Call, snapshot: Refstring): Promise<undefined> {
  const { db } = call.pool
  const source = text(db.get('VM', snapshot), 'snapshot_of')
  const vm = db.find('VM', source) ? source : recreateVm(call, snapshot)
  await withVmOperation(call, { vm: snapshot, operation: 'revert' }, () =>
    withVmOperation(call, { vm, operation: 'reverting' }, async () => {
      if (text(db.get('VM', vm), 'power_state') !== 'Halted') await call.pool.invoke('VM.hard_shutdown', vm)
      restoreFields(call, snapshot, vm)
      await revertTo(call, snapshot, vm)
    }),
  )
  tellAbout(call, vm, 'VM_SNAPSHOT_REVERTED', `reverted to snapshot: ${text(db.get('VM', snapshot), 'name_label')}`)
  return undefined
}

/** A VM that is gone comes back with its old uuid, and its snapshots belong to it again. */
function recreateVm(call: Call, snapshot: Refstring): Refstring {
  const { db } = call.pool
  const row = db.get('VM', snapshot)
  const gone = text(row, 'snapshot_of')
  const kept = parseSnapshotMetadata(text(row, 'snapshot_metadata'))
  if (typeof kept?.uuid !== 'string' || db.byUuid('VM', kept.uuid) !== undefined)
    throw new XapiFailure('VM_REVERT_FAILED', [snapshot, gone])
  const siblings = db.refs('VM').filter((ref) => text(db.get('VM', ref), 'snapshot_of') === gone)
  const vm = createVm(call, { ...row, power_state: 'Halted' })
  try {
    db.update('VM', vm, { uuid: kept.uuid })
    restoreFields(call, snapshot, vm)
    for (const sibling of siblings) db.update('VM', sibling, { snapshot_of: vm })
    return vm
  } catch (error) {
    deleteVm(call.pool, vm)
    throw error
  }
}

/** Puts the kept fields back: name, other_config and blocked_operations among them. */
function restoreFields({ pool }: Call, snapshot: Refstring, vm: Refstring): void {
  const row = pool.db.get('VM', snapshot)
  const kept: Readonly<Record<string, Value>> = parseSnapshotMetadata(text(row, 'snapshot_metadata')) ?? {}
  const patch: Row = Object.fromEntries(Object.entries(kept).filter(([name]) => !KEPT_BY_VM.has(name)))
  const policy = text(patch, 'HVM_boot_policy')
  pool.db.update('VM', vm, {
    ...patch,
    ha_always_run: false,
    ...(patch.domain_type === 'unspecified' && { domain_type: domainTypeOf(policy) }),
  })
}

async function revertTo(call: Call, snapshot: Refstring, vm: Refstring): Promise<void> {
  const { db } = call.pool
  db.update('VM', vm, { generation_id: freshGenerationId(text(db.get('VM', vm), 'generation_id')) })
  try {
    await dropDisks(call, snapshot, vm)
    call.task?.progress(0.2)
    await bringDisks(call, snapshot, vm)
    call.task?.progress(0.9)
  } catch (error) {
    endDomain(call.pool, vm, 'Halted')
    if (error instanceof XapiFailure && TOLD.includes(error.code)) throw error
    throw new XapiFailure('VM_REVERT_FAILED', [snapshot, vm])
  }
}

const disksOf = (call: Call, vm: Refstring) =>
  texts(call.pool.db.get('VM', vm), 'VBDs').map((vbd) => ({ vbd, row: call.pool.db.get('VBD', vbd) }))

/** Unplugs everything. Disks of which the snapshot has one are destroyed; disks that came later stay, attached to nothing. */
async function dropDisks(call: Call, snapshot: Refstring, vm: Refstring): Promise<void> {
  const { pool } = call
  const { db } = pool
  const replaced = new Set(
    disksOf(call, snapshot)
      .filter(({ row }) => text(row, 'type') === 'Disk' && db.find('VDI', text(row, 'VDI')))
      .map(({ row }) => text(db.get('VDI', text(row, 'VDI')), 'snapshot_of')),
  )
  const current = disksOf(call, vm)
  const doomed = new Set(
    current.filter(({ row }) => text(row, 'type') === 'Disk' && replaced.has(text(row, 'VDI'))).map(({ row }) => text(row, 'VDI')),
  )
  const image = text(db.get('VM', vm), 'suspend_VDI')
  if (!isNullRef(image)) doomed.add(image)
  for (const { vbd } of current) await pool.invoke('VBD.destroy', vbd)
  for (const vdi of doomed) if (db.find('VDI', vdi)) await pool.invoke('VDI.destroy', vdi)
}

/** Clones the snapshot's disks, and makes every snapshot of an old disk one of its replacement. */
async function bringDisks(call: Call, snapshot: Refstring, vm: Refstring): Promise<void> {
  const { pool } = call
  const { db } = pool
  const disks = await copyDisks(call, texts(db.get('VM', snapshot), 'VBDs'), { kind: 'clone' })
  let image: Refstring = NULL_REF
  try {
    const kept = text(db.get('VM', snapshot), 'suspend_VDI')
    if (!isNullRef(kept)) image = await copyDisk(call, kept, { kind: 'clone' })
    for (const { vbd, vdi } of disks.copies) adoptSnapshots(call, text(db.get('VBD', vbd), 'VDI'), vdi)
    db.update('VM', vm, { suspend_VDI: image, parent: snapshot, power_state: text(db.get('VM', snapshot), 'power_state') })
    for (const copy of disks.copies) copyVbd(call, vm, copy, false)
    replaceDevices(call, snapshot, vm)
  } catch (error) {
    await disks.undo()
    if (!isNullRef(image)) await destroyDisks(call, [image])
    throw error
  }
}

function adoptSnapshots({ pool: { db } }: Call, snapshotDisk: Refstring, replacement: Refstring): void {
  const disk = db.find('VDI', snapshotDisk)
  if (!disk || snapshotDisk === replacement || isNullRef(replacement)) return
  const old = text(disk, 'snapshot_of')
  if (isNullRef(old)) return
  for (const ref of db.refs('VDI')) if (text(db.get('VDI', ref), 'snapshot_of') === old) db.update('VDI', ref, { snapshot_of: replacement })
}

function replaceDevices(call: Call, snapshot: Refstring, vm: Refstring): void {
  const { pool } = call
  const { db } = pool
  const row = db.get('VM', vm)
  for (const vif of texts(row, 'VIFs')) deleteDevice(pool, 'VIF', vif)
  for (const vtpm of texts(row, 'VTPMs')) deleteVtpm(pool, vtpm)
  for (const console of texts(row, 'consoles')) db.delete('console', console)
  copyOtherDevices(call, snapshot, vm, true)
  copyGuest(pool, snapshot, vm)
  const { metrics, guestMetrics } = copyMetrics(call, db.get('VM', snapshot))
  deleteIfThere(pool, 'VM_metrics', text(row, 'metrics'))
  deleteIfThere(pool, 'VM_guest_metrics', text(row, 'guest_metrics'))
  db.update('VM', vm, { metrics, guest_metrics: guestMetrics })
}

export const vmRevertMessages: MessageTable = { 'VM.revert': revert }
