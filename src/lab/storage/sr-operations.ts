import { map } from '../classes/fields.ts'
import type { Database, Refstring, Row } from '../pool.ts'
import { featuresOf } from './driver-features.ts'

/** Operations of an SR and the capability each needs, in the order of the data model (xen-api ocaml/xapi/xapi_sr_operations.ml). */
const OPERATIONS: readonly (readonly [operation: string, feature: string | undefined])[] = [
  ['scan', undefined],
  ['destroy', undefined],
  ['forget', undefined],
  ['plug', undefined],
  ['unplug', undefined],
  ['update', undefined],
  ['vdi_create', 'VDI_CREATE'],
  ['vdi_introduce', undefined],
  ['vdi_destroy', 'VDI_DELETE'],
  ['vdi_resize', 'VDI_RESIZE'],
  ['vdi_clone', 'VDI_CLONE'],
  ['vdi_snapshot', 'VDI_SNAPSHOT'],
  ['vdi_mirror', 'VDI_MIRROR'],
  ['vdi_enable_cbt', 'VDI_CONFIG_CBT'],
  ['vdi_disable_cbt', 'VDI_CONFIG_CBT'],
  ['vdi_data_destroy', 'VDI_CONFIG_CBT'],
  ['vdi_list_changed_blocks', 'VDI_CONFIG_CBT'],
  ['vdi_set_on_boot', 'VDI_RESET_ON_BOOT'],
  ['pbd_create', undefined],
  ['pbd_destroy', undefined],
]

export function allowedSrOperations(db: Database, ref: Refstring, row: Row): string[] {
  if (Object.keys(map(row, 'current_operations')).length > 0) return []
  const features = featuresOf(db, ref)
  const plugged = (row.PBDs as readonly Refstring[]).some((pbd) => db.find('PBD', pbd)?.currently_attached === true)
  return OPERATIONS.filter(([operation, feature]) => {
    if (feature !== undefined && !features.has(feature)) return false
    return operation === 'destroy' || operation === 'forget' ? !plugged : true
  }).map(([operation]) => operation)
}
