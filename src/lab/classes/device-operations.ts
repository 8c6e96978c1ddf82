/**
 * Which operations a VBD or VIF accepts; the first error found also decides what stands in `allowed_operations`
 * (valid_operations in ocaml/xapi/xapi_vbd_helpers.ml and xapi_vif_helpers.ml).
 */
import { enums } from '../../xapi/model.ts'
import type { LabPool, Refstring, Row } from '../pool.ts'
import { flag, map, text, texts } from './fields.ts'
import { hasDriverVersion, isSystemDomain } from './vm-facts.ts'
import type { OperationError } from './vm-operations.ts'

type DeviceClass = 'VBD' | 'VIF'

/** `sharing`: also look at who else uses the disk, which XAPI leaves out of the advertised list. */
export function deviceOperationError(
  pool: LabPool,
  kind: DeviceClass,
  ref: Refstring,
  operation: string,
  { row = pool.db.get(kind, ref), sharing = true }: { row?: Row; sharing?: boolean } = {},
): OperationError | undefined {
  const vm = pool.db.find('VM', text(row, 'VM'))
  // A device of a VM that is gone is left to the garbage collector.
  if (!vm) return ['HANDLE_INVALID', 'VM', text(row, 'VM')]
  return kind === 'VBD' ? vbdError(pool, { ref, row, vm, operation, sharing }) : vifError(pool, { ref, row, vm, operation, sharing })
}

export function allowedDeviceOperations(pool: LabPool, kind: DeviceClass, ref: Refstring, row: Row): string[] {
  const all = enums[`${kind.toLowerCase()}_operations`] ?? []
  return all.filter((operation) => deviceOperationError(pool, kind, ref, operation, { row, sharing: false }) === undefined)
}

interface Question {
  readonly ref: Refstring
  readonly row: Row
  readonly vm: Row
  readonly operation: string
  readonly sharing: boolean
}

const PLUGS = ['plug', 'unplug', 'unplug_force']
const UNPLUGS = ['unplug', 'unplug_force']

function vbdError(pool: LabPool, question: Question): OperationError | undefined {
  const { ref, row, operation } = question
  const current = Object.entries(map(row, 'current_operations'))
  const quick = ['pause', 'unpause']
  const blocking = quick.includes(operation) ? current.find(([, other]) => !quick.includes(other)) : current[0]
  if (blocking) return ['OTHER_OPERATION_IN_PROGRESS', 'VBD', ref, blocking[1], blocking[0]]
  if (!flag(row, 'unpluggable') && UNPLUGS.includes(operation)) return ['VBD_NOT_UNPLUGGABLE', ref]
  const isDrive = text(row, 'type') === 'CD'
  const empty = flag(row, 'empty')
  if (!isDrive && ['insert', 'eject'].includes(operation)) return ['VBD_NOT_REMOVABLE_MEDIA', ref]
  if (empty && operation === 'eject') return ['VBD_IS_EMPTY', ref]
  if (!empty && operation === 'insert') return ['VBD_NOT_EMPTY', ref]
  const state = text(question.vm, 'power_state')
  const pausable = state === 'Paused' || state === 'Running'
  if (['pause', 'unpause'].includes(operation) && !pausable) return ['VM_BAD_POWER_STATE', text(row, 'VM'), 'running', state.toLowerCase()]
  const error = plugError(question) ?? hotplugError(pool, question, 'can_use_hotplug_vbd', 'VBD')
  if (error) return error
  if (isDrive && state === 'Running' && text(question.vm, 'domain_type') === 'hvm' && PLUGS.includes(operation)) {
    return ['OPERATION_NOT_ALLOWED', 'HVM CDROMs cannot be hotplugged/unplugged, only inserted or ejected']
  }
  if (isDrive && state === 'Suspended' && ['insert', 'eject'].includes(operation)) {
    return ['VM_BAD_POWER_STATE', text(row, 'VM'), 'halted, running', 'suspended']
  }
  return empty ? undefined : diskError(pool, question)
}

function vifError(pool: LabPool, question: Question): OperationError | undefined {
  const { ref, row, operation } = question
  const current = Object.entries(map(row, 'current_operations'))
  if (current.length > 0) {
    const braced = (all: readonly string[]) => `{${all.join('; ')}}`
    return ['OTHER_OPERATION_IN_PROGRESS', 'VIF', ref, braced(current.map(([, other]) => other)), braced(current.map(([task]) => task))]
  }
  if (flag(pool.db.get('VM', text(row, 'VM')), 'is_control_domain') && operation === 'plug') {
    return ['OPERATION_NOT_ALLOWED', 'Control domain does not support hotplug']
  }
  return plugError(question) ?? hotplugError(pool, question, 'can_use_hotplug_vif', 'VIF')
}

/** Plugging needs a running VM, and a device in the other state. */
function plugError({ ref, row, vm, operation }: Question): OperationError | undefined {
  if (!PLUGS.includes(operation)) return undefined
  const state = text(vm, 'power_state')
  if (state !== 'Running') return ['VM_BAD_POWER_STATE', text(row, 'VM'), 'running', state.toLowerCase()]
  const plugged = flag(row, 'currently_attached')
  if (plugged && operation === 'plug') return ['DEVICE_ALREADY_ATTACHED', ref]
  if (!plugged && operation !== 'plug') return ['DEVICE_ALREADY_DETACHED', ref]
  const ending = Object.values(map(vm, 'current_operations')).find((other) =>
    ['clean_shutdown', 'hard_shutdown', 'suspend', 'pause'].includes(other),
  )
  if (ending !== undefined && operation !== 'unplug_force') {
    return ['OPERATION_NOT_ALLOWED', `Current operation on VM:${text(row, 'VM')} is ${ending}`]
  }
  return undefined
}

/** An emulated guest must have drivers to notice. */
function hotplugError(pool: LabPool, { row, vm, operation }: Question, support: string, device: string): OperationError | undefined {
  if (!PLUGS.includes(operation) || text(vm, 'domain_type') !== 'hvm' || flag(vm, 'is_control_domain')) return undefined
  const guest = pool.db.find('VM_guest_metrics', text(vm, 'guest_metrics'))
  const claim = guest ? text(guest, support) : 'unspecified'
  if (claim === 'yes') return undefined
  if (claim === 'no') return ['OPERATION_NOT_ALLOWED', `VM states it does not support ${device} hotplug.`]
  if (guest && (flag(guest, 'PV_drivers_detected') || hasDriverVersion(guest))) return undefined
  return ['VM_MISSING_PV_DRIVERS', text(row, 'VM')]
}

const ATTACHING = ['attach', 'plug', 'insert']

function diskError(pool: LabPool, { ref, row, vm, operation, sharing }: Question): OperationError | undefined {
  const vdi = text(row, 'VDI')
  const disk = pool.db.find('VDI', vdi)
  if (!disk) return ['HANDLE_INVALID', 'VDI', vdi]
  if (!flag(disk, 'managed')) return ['VDI_NOT_MANAGED', ref]
  if (!ATTACHING.includes(operation)) return undefined
  const other = Object.entries(map(disk, 'current_operations')).find(([, name]) => name !== 'mirror' && name !== 'copy')
  if (other) return ['OTHER_OPERATION_IN_PROGRESS', 'VDI', vdi, other[1], other[0]]
  if (!sharing || flag(row, 'currently_attached')) return undefined
  const writes = text(row, 'mode') === 'RW'
  const users = texts(disk, 'VBDs')
    .filter((vbd) => vbd !== ref)
    .map((vbd) => pool.db.get('VBD', vbd))
    .filter((vbd) => isInUse(pool, vbd))
  const taken = users.some((vbd) => text(vbd, 'mode') === 'RW') || (writes && users.length > 0)
  if (taken && !flag(disk, 'sharable') && !isSystemDomain(vm)) return ['VDI_IN_USE', vdi]
  return writes && flag(disk, 'read_only') ? ['VDI_READONLY', vdi] : undefined
}

/** Whether a VBD holds its disk against others: VMs that are suspended and control domains don't count. */
function isInUse(pool: LabPool, vbd: Row): boolean {
  const owner = pool.db.find('VM', text(vbd, 'VM'))
  if (!owner || text(owner, 'power_state') === 'Suspended' || isSystemDomain(owner)) return false
  return flag(vbd, 'currently_attached') || Object.keys(map(vbd, 'current_operations')).length > 0
}
