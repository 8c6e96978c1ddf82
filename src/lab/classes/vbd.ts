/** VBD messages: disks and drives of VMs (ocaml/xapi/xapi_vbd.ml). */
import { randomUUID } from 'node:crypto'
import { type Call, type LabPool, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { constructorFields } from './constructor-fields.ts'
import { freeDiskNumbers, linuxName, parseDevice, possibleDevices } from './device-number.ts'
import { allowedDeviceOperations, deviceOperationError } from './device-operations.ts'
import { assertActivatable, attachDisk, detachDisk } from './disk-attachment.ts'
import { EPOCH, flag, map, NULL_REF, text, without } from './fields.ts'
import { failure, operationKey, PATIENCE_MS, whenFree } from './operation-lock.ts'
import type { ClassPart } from './tables.ts'
import { deleteDevice } from './vm-destroy.ts'
import { hasEmulation, usedDiskNames } from './vm-placement.ts'
import { assertPowerState } from './vtpm.ts'

const DEFAULTS: Row = { device: '', unpluggable: true, currently_attached: false }

/** Display names of the types that no VM may have as a disk (ocaml/xapi-cli-server/record_util.ml). */
const UNUSABLE: Readonly<Record<string, string>> = { ha_statefile: 'HA statefile', redo_log: 'Redo log', cbt_metadata: 'CBT metadata' }

function create(call: Call, given: Row): Refstring {
  const { db } = call.pool
  const fields = constructorFields('VBD', given, DEFAULTS)
  const vm = text(fields, 'VM')
  const owner = db.get('VM', vm)
  const vdi = text(fields, 'VDI')
  const empty = flag(fields, 'empty')
  const isDrive = text(fields, 'type') === 'CD'
  const unusable = empty ? undefined : UNUSABLE[text(db.get('VDI', vdi), 'type')]
  if (unusable !== undefined) throw new XapiFailure('VDI_INCOMPATIBLE_TYPE', [vdi, unusable])
  if (isDrive && text(fields, 'mode') !== 'RO') throw new XapiFailure('VBD_CDS_MUST_BE_READONLY')
  if (!isDrive && empty) throw new XapiFailure('VBD_NOT_REMOVABLE_MEDIA', ['in constructor'])
  if (text(fields, 'mode') === 'RW' && flag(db.get('VDI', vdi), 'read_only')) throw new XapiFailure('VDI_READONLY', [vdi])
  assertNotMoving(call.pool, vm)
  const userdevice = chosenDevice(call.pool, owner, text(fields, 'userdevice'))
  const suspended = text(owner, 'power_state') === 'Suspended'
  return db.create('VBD', {
    ...fields,
    VDI: empty ? NULL_REF : vdi,
    userdevice,
    // Only a VM that is suspended has devices that a new VBD could describe.
    device: suspended ? text(fields, 'device') : '',
    currently_attached: suspended && flag(fields, 'currently_attached'),
    metrics: db.create('VBD_metrics', { last_updated: EPOCH }),
  })
}

/** Settles `autodetect`; DEVICE_ALREADY_EXISTS when some reading of the name is taken. */
function chosenDevice(pool: LabPool, vm: Row, wanted: string): string {
  const used = usedDiskNames(pool, vm)
  if (wanted === 'autodetect') {
    const free = freeDiskNumbers(used, hasEmulation(vm))[0]
    if (free === undefined) throw new XapiFailure('INVALID_DEVICE', [wanted])
    return free
  }
  if (!parseDevice(wanted, false)) throw new XapiFailure('INVALID_DEVICE', [wanted])
  const taken = new Set(used.flatMap(possibleDevices))
  if (possibleDevices(wanted).some((device) => taken.has(device))) throw new XapiFailure('DEVICE_ALREADY_EXISTS', [wanted])
  return wanted
}

function assertNotMoving(pool: LabPool, vm: Refstring): void {
  const current = Object.entries(map(pool.db.get('VM', vm), 'current_operations'))
  const moving = current.find(([, operation]) => operation === 'migrate_send' || operation === 'pool_migrate')
  if (moving) throw new XapiFailure('OTHER_OPERATION_IN_PROGRESS', ['VM', vm, moving[1], moving[0]])
}

function destroy(call: Call, vbd: Refstring): undefined {
  const { db } = call.pool
  const row = db.get('VBD', vbd)
  if (flag(row, 'currently_attached')) {
    const vm = db.find('VM', text(row, 'VM'))
    throw new XapiFailure('OPERATION_NOT_ALLOWED', [`VBD '${text(row, 'uuid')}' still attached to '${vm ? text(vm, 'uuid') : ''}'`])
  }
  deleteDevice(call.pool, 'VBD', vbd)
}

/** Runs `work` while the operation stands in the VBD's current operations. */
async function withVbdOperation(call: Call, vbd: Refstring, operation: string, work: () => void): Promise<undefined> {
  const { pool } = call
  const { db } = pool
  const key = operationKey(call, `VBD.${operation}`)
  await whenFree(pool, PATIENCE_MS, () => {
    const error = deviceOperationError(pool, 'VBD', vbd, operation)
    if (error) throw failure(error)
    db.update('VBD', vbd, { current_operations: { ...map(db.get('VBD', vbd), 'current_operations'), [key]: operation } })
  })
  try {
    // Lets others see the operation under way, as they would on a host.
    await new Promise((resolve) => setImmediate(resolve))
    work()
  } finally {
    const row = db.find('VBD', vbd)
    if (row) db.update('VBD', vbd, { current_operations: without(map(row, 'current_operations'), key) })
  }
  return undefined
}

function plug(call: Call, vbd: Refstring): Promise<undefined> {
  const { pool } = call
  return withVbdOperation(call, vbd, 'plug', () => {
    const row = pool.db.get('VBD', vbd)
    const vm = pool.db.get('VM', text(row, 'VM'))
    if (hasEmulation(vm) && text(row, 'type') !== 'CD' && text(row, 'mode') === 'RO') {
      throw new XapiFailure('DISK_VBD_MUST_BE_READWRITE_FOR_HVM', [vbd])
    }
    assertActivatable(pool, vbd)
    // The control domain's disks are block devices of tapdisk's, and have other names than a guest's.
    const device = flag(vm, 'is_control_domain') ? `sm/backend/${randomUUID()}` : linuxName(text(row, 'userdevice'))
    attachDisk(pool, vbd, device)
  })
}

const unplug = (operation: 'unplug' | 'unplug_force') => (call: Call, vbd: Refstring) =>
  withVbdOperation(call, vbd, operation, () => detachDisk(call.pool, vbd))

function insert(call: Call, vbd: Refstring, vdi: Refstring): Promise<undefined> {
  const { pool } = call
  return withVbdOperation(call, vbd, 'insert', () => {
    const disk = pool.db.get('VDI', vdi)
    if (!flag(disk, 'managed')) throw new XapiFailure('VDI_NOT_MANAGED', [vdi])
    pool.db.update('VBD', vbd, { VDI: vdi, empty: false })
    pool.db.touch('VDI', vdi)
  })
}

function eject(call: Call, vbd: Refstring): Promise<undefined> {
  return withVbdOperation(call, vbd, 'eject', () => call.pool.db.update('VBD', vbd, { VDI: NULL_REF, empty: true }))
}

function assertAttachable(call: Call, vbd: Refstring): undefined {
  const error = deviceOperationError(call.pool, 'VBD', vbd, 'attach')
  if (error) throw failure(error)
}

function setMode(call: Call, vbd: Refstring, mode: string): undefined {
  assertPowerState(call, text(call.pool.db.get('VBD', vbd), 'VM'), ['Halted'])
  call.pool.db.update('VBD', vbd, { mode })
}

export const vbdPart: ClassPart = {
  messages: {
    'VBD.create': create,
    'VBD.destroy': destroy,
    'VBD.plug': plug,
    'VBD.unplug': unplug('unplug'),
    'VBD.unplug_force': unplug('unplug_force'),
    'VBD.insert': insert,
    'VBD.eject': eject,
    'VBD.assert_attachable': assertAttachable,
    'VBD.set_mode': setMode,
  } satisfies MessageTable,
  prepare(pool) {
    pool.db.derive('VBD', 'allowed_operations', (ref, row) => allowedDeviceOperations(pool, 'VBD', ref, row))
  },
}
