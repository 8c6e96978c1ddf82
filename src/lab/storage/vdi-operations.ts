import { flag, map, text } from '../classes/fields.ts'
import { countsAsInUse } from '../faults/faults.ts'
import { type Database, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { featuresOf, isPlugged } from './driver-features.ts'
import { typeFailure } from './failures.ts'

export type VdiOperation =
  | 'clone'
  | 'copy'
  | 'data_destroy'
  | 'destroy'
  | 'disable_cbt'
  | 'enable_cbt'
  | 'forget'
  | 'generate_config'
  | 'list_changed_blocks'
  | 'mirror'
  | 'resize'
  | 'resize_online'
  | 'revert_from'
  | 'set_on_boot'
  | 'snapshot'
  | 'update'

/** The only ones that `VDI.allowed_operations` ever lists (xen-api ocaml/xapi/xapi_globs.ml, pre_ely_vdi_operations). */
const LISTED: readonly VdiOperation[] = [
  'clone',
  'copy',
  'destroy',
  'forget',
  'generate_config',
  'resize',
  'resize_online',
  'snapshot',
  'update',
]

const FEATURE: Partial<Record<VdiOperation, string>> = {
  clone: 'VDI_CLONE',
  data_destroy: 'VDI_CONFIG_CBT',
  destroy: 'VDI_DELETE',
  disable_cbt: 'VDI_CONFIG_CBT',
  enable_cbt: 'VDI_CONFIG_CBT',
  generate_config: 'VDI_GENERATE_CONFIG',
  list_changed_blocks: 'VDI_CONFIG_CBT',
  mirror: 'VDI_MIRROR',
  resize: 'VDI_RESIZE',
  resize_online: 'VDI_RESIZE_ONLINE',
  // Drivers with chains of VHDs have no revert of their own.
  revert_from: 'VDI_REVERT',
  set_on_boot: 'VDI_RESET_ON_BOOT',
  snapshot: 'VDI_SNAPSHOT',
  update: 'VDI_UPDATE',
}

const LIVE: ReadonlySet<VdiOperation> = new Set([
  'snapshot',
  'resize_online',
  'clone',
  'mirror',
  'enable_cbt',
  'disable_cbt',
  'data_destroy',
])

/** What is refused of a disk that was let go a moment ago, when a fault says so. */
const COUNTING_AS_IN_USE: ReadonlySet<VdiOperation> = new Set(['data_destroy', 'destroy', 'forget', 'resize'])

const ON_CBT_METADATA: ReadonlySet<VdiOperation> = new Set([
  'data_destroy',
  'destroy',
  'list_changed_blocks',
  'forget',
  'generate_config',
  'update',
])

/**
 * Why the operation is refused now; undefined: it is not. The checks and their order are those of check_operation_error in
 * xen-api ocaml/xapi/xapi_vdi.ml; rolling upgrades and HA do not exist here.
 */
export function operationError(db: Database, ref: Refstring, row: Row, operation: VdiOperation): XapiFailure | undefined {
  const current = Object.entries(map(row, 'current_operations'))
  const other = current.find(([, op]) => op !== 'copy')
  if (other) return new XapiFailure('OTHER_OPERATION_IN_PROGRESS', ['VDI', ref, other[1], other[0]])
  const sr = text(row, 'SR')
  if (operation === 'resize' && !isPlugged(db, sr)) return new XapiFailure('SR_NO_PBDS', [sr])
  const vbds = (row.VBDs as readonly Refstring[]).map((vbd) => db.find('VBD', vbd)).filter((vbd) => vbd !== undefined)
  const counts = COUNTING_AS_IN_USE.has(operation) && countsAsInUse(db, text(row, 'uuid'))
  if (counts || blockedByAttachment(db, vbds, operation)) return new XapiFailure('VDI_IN_USE', [ref, operation])
  const busy = vbds.find((vbd) => Object.keys(map(vbd, 'current_operations')).length > 0)
  if (busy && operation !== 'data_destroy') {
    const [task, op] = Object.entries(map(busy, 'current_operations'))[0] as [string, string]
    return new XapiFailure('OTHER_OPERATION_IN_PROGRESS', ['VDI', ref, op, task])
  }
  const feature = FEATURE[operation]
  if (feature !== undefined && db.find('SR', sr) && !featuresOf(db, sr).has(feature))
    return new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [sr])
  const type = text(row, 'type')
  if (type === 'cbt_metadata' && !ON_CBT_METADATA.has(operation)) return typeFailure(ref, type)
  if (flag(row, 'cbt_enabled') && (operation === 'mirror' || operation === 'set_on_boot')) return new XapiFailure('VDI_CBT_ENABLED', [ref])
  return ownRule(db, ref, row, operation)
}

function ownRule(db: Database, ref: Refstring, row: Row, operation: VdiOperation): XapiFailure | undefined {
  const type = text(row, 'type')
  const notAllowed = (why: string) => new XapiFailure('OPERATION_NOT_ALLOWED', [why])
  const resets = text(row, 'on_boot') === 'reset'
  switch (operation) {
    case 'forget':
      return type === 'rrd' ? new XapiFailure('VDI_HAS_RRDS', [ref]) : undefined
    case 'destroy':
    case 'revert_from':
      return destroyRule(db, ref, row)
    case 'data_destroy':
      if (!flag(row, 'is_a_snapshot')) return notAllowed(`VDI is not a snapshot: ${ref}`)
      if (!flag(row, 'cbt_enabled')) return new XapiFailure('VDI_NO_CBT_METADATA', [ref])
      return destroyRule(db, ref, row)
    case 'snapshot':
      if (flag(row, 'sharable')) return new XapiFailure('VDI_IS_SHARABLE', [ref])
      if (resets) return new XapiFailure('VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION')
      if (Object.values(map(row, 'current_operations')).includes('copy')) return notAllowed('Snapshot operation not allowed during copy.')
      return undefined
    case 'copy':
      if (resets) return new XapiFailure('VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION')
      if (type === 'ha_statefile' || type === 'redo_log') {
        return notAllowed("VDI containing HA statefile or redo log cannot be copied (check the VDI's allowed operations).")
      }
      return undefined
    case 'enable_cbt':
    case 'disable_cbt':
      if (flag(row, 'is_a_snapshot')) return notAllowed(`VDI is a snapshot: ${ref}`)
      if (type !== 'user' && type !== 'system') return typeFailure(ref, type)
      if (resets) return new XapiFailure('VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION')
      return undefined
    default:
      return undefined
  }
}

function destroyRule(db: Database, ref: Refstring, row: Row): XapiFailure | undefined {
  const sr = text(row, 'SR')
  const srRow = db.find('SR', sr)
  if (srRow && text(srRow, 'type') === 'udev') return new XapiFailure('VDI_IS_A_PHYSICAL_DEVICE', [ref])
  if (srRow && flag(srRow, 'is_tools_sr')) return new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [sr])
  return text(row, 'type') === 'rrd' ? new XapiFailure('VDI_HAS_RRDS', [ref]) : undefined
}

function blockedByAttachment(db: Database, vbds: readonly Row[], operation: VdiOperation): boolean {
  if (LIVE.has(operation)) return false
  const active = vbds.filter((vbd) => flag(vbd, 'currently_attached'))
  if (operation === 'copy') return active.some((vbd) => text(vbd, 'mode') === 'RW')
  if (operation === 'list_changed_blocks') {
    // A checkpoint leaves the snapshot VM's VBDs attached; that does not count.
    return active.some((vbd) => db.find('VM', text(vbd, 'VM'))?.is_a_snapshot !== true)
  }
  return active.length > 0
}

export function assertVdiAccepts(db: Database, ref: Refstring, operation: VdiOperation): void {
  const error = operationError(db, ref, db.get('VDI', ref), operation)
  if (error) throw error
}

export function allowedVdiOperations(db: Database, ref: Refstring, row: Row): string[] {
  return LISTED.filter((operation) => operationError(db, ref, row, operation) === undefined)
}
