import { EPOCH, flag, map, NULL_REF, text, without } from '../classes/fields.ts'
import { xapiDate } from '../database/xapi-date.ts'
import { type Refstring, type Row, XapiFailure } from '../pool.ts'
import { fullVolumeSize, roundedSize } from './disk-size.ts'
import { assertFeature, assertPlugged, keepsImages } from './driver-features.ts'
import { backendFailure, typeFailure } from './failures.ts'
import { formatFor, tellsFormat } from './image-formats.ts'
import { formatOf } from './images.ts'
import type { StorageManager } from './manager.ts'
import { addLeafBeside, inheritedSmConfig, recordOfImage, smConfigOf, volumeType } from './snapshot-image.ts'

/**
 * What changes images and records together. Each function is one change: everything it did becomes durable by the commit at its
 * end. Checks of current operations and attachments are the callers'.
 */

/** VDI.create. Fields as the constructor has them. */
export function createDisk(manager: StorageManager, fields: Row): Refstring {
  const { db } = manager
  const sr = text(fields, 'SR')
  const srRow = db.get('SR', sr)
  if (fields.type === 'cbt_metadata') throw typeFailure('', 'cbt_metadata')
  assertFeature(db, sr, 'VDI_CREATE')
  // Files of an ISO library are put there by people.
  if (!keepsImages(text(srRow, 'type'))) throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [sr])
  assertPlugged(db, sr)
  const type = text(srRow, 'type')
  const format = formatFor(db, sr, fields.virtual_size as number, map(fields, 'sm_config')['image-format'])
  const size = roundedSize(fields.virtual_size as number, format)
  manager.assertRoom(text(srRow, 'uuid'), manager.costOfImage(text(srRow, 'uuid'), size, format))
  const image = manager.newImage(text(srRow, 'uuid'), size, format === 'vhd' ? {} : { format })
  const vdi = db.create('VDI', {
    ...recordOfImage(manager, image, sr),
    // A snapshot's record does not have it (FileVDI.create and _snapshot in xcp-ng/sm drivers/FileSR.py).
    sm_config: { ...volumeType(manager, image, sr), ...(tellsFormat(type) ? { 'image-format': format } : {}) },
    name_label: text(fields, 'name_label'),
    name_description: text(fields, 'name_description'),
    type: text(fields, 'type'),
    sharable: flag(fields, 'sharable'),
    read_only: flag(fields, 'read_only'),
    other_config: map(fields, 'other_config'),
    xenstore_data: map(fields, 'xenstore_data'),
    tags: fields.tags ?? [],
    snapshot_time: EPOCH,
    snapshot_of: NULL_REF,
    parent: NULL_REF,
    // Empty, not the null reference, on whatever VDI.create made (seen on XAPI 26.1).
    metadata_of_pool: '',
  })
  manager.refreshSr(image.sr)
  manager.commit()
  return vdi
}

export function assertManaged(manager: StorageManager, vdi: Refstring): void {
  if (!flag(manager.db.get('VDI', vdi), 'managed')) throw new XapiFailure('VDI_NOT_MANAGED', [vdi])
}

/** VDI.snapshot and VDI.clone, which differ in little (snapshot_and_clone in xen-api ocaml/xapi/xapi_vdi.ml). */
export function duplicateDisk(manager: StorageManager, vdi: Refstring, kind: 'snapshot' | 'clone'): Refstring {
  const { db, logs } = manager
  const before = db.get('VDI', vdi)
  const sr = text(before, 'SR')
  assertPlugged(db, sr)
  assertManaged(manager, vdi)
  const added = addLeafBeside(manager, vdi, kind)
  const tracked = kind === 'snapshot' && logs.get(text(before, 'uuid')) !== undefined
  if (tracked) logs.snapshot(text(before, 'uuid'), added.uuid)
  const duplicate = db.create('VDI', {
    ...recordOfImage(manager, added, sr),
    sm_config: { ...volumeType(manager, added, sr), ...inheritedSmConfig(smConfigOf(manager, vdi)), 'vhd-parent': added.parent },
    name_label: text(before, 'name_label'),
    name_description: text(before, 'name_description'),
    type: text(before, 'type'),
    sharable: flag(before, 'sharable'),
    other_config: map(before, 'other_config'),
    xenstore_data: map(before, 'xenstore_data'),
    on_boot: text(before, 'on_boot'),
    allow_caching: flag(before, 'allow_caching'),
    tags: before.tags ?? [],
    is_a_snapshot: kind === 'snapshot',
    snapshot_of: kind === 'snapshot' ? vdi : NULL_REF,
    snapshot_time: xapiDate(manager.options.now()),
    parent: NULL_REF,
    cbt_enabled: tracked,
  })
  // The driver takes its switch off the disk with each snapshot (disable_leaf_on_secondary in sm libs/sm/VDI.py).
  const config = map(db.get('VDI', vdi), 'other_config')
  if (config['leaf-coalesce'] !== undefined) db.update('VDI', vdi, { other_config: without(config, 'leaf-coalesce') })
  manager.forgetSums()
  manager.refreshSr(added.sr)
  manager.commit()
  return duplicate
}

/** VDI.destroy without its checks: the image, its log, the record, its VBDs, and whoever suspended to it. */
export function destroyDisk(manager: StorageManager, vdi: Refstring): void {
  const { db, images, logs } = manager
  const row = db.get('VDI', vdi)
  const uuid = text(row, 'uuid')
  const image = images.get(uuid)
  if (image) {
    images.remove(uuid)
    manager.dropNode(image.node)
    manager.dropLog(logs.removeAndMerge(uuid))
  } else {
    // Only the log is left of it, and the file driver unlinks that before it looks for neighbours (FileVDI.delete).
    manager.dropLog(logs.removeOnly(uuid))
  }
  for (const vbd of row.VBDs as readonly Refstring[]) db.delete('VBD', vbd)
  for (const vm of db.refs('VM')) if (db.get('VM', vm).suspend_VDI === vdi) db.update('VM', vm, { suspend_VDI: NULL_REF })
  const sr = db.find('SR', text(row, 'SR'))
  db.delete('VDI', vdi)
  const srUuid = image?.sr ?? (sr ? text(sr, 'uuid') : '')
  manager.forgetSums()
  manager.refreshSr(srUuid)
  manager.commit()
  manager.collector.kick(srUuid)
}

/** VDI.data_destroy without its checks: the data goes, record and log stay. The type is cbt_metadata already. */
export function destroyData(manager: StorageManager, vdi: Refstring): void {
  const { db, images } = manager
  const row = db.get('VDI', vdi)
  const uuid = text(row, 'uuid')
  const image = images.get(uuid)
  if (image) {
    images.remove(uuid)
    manager.dropNode(image.node)
  }
  manager.noteDestroying(uuid, undefined)
  const config = without(map(row, 'other_config'), 'content_id')
  db.update('VDI', vdi, { other_config: { ...config, content_id: '/No content: this is a cbt_metadata VDI/' } })
  manager.forgetSums()
  if (image) manager.refreshSr(image.sr)
  manager.commit()
  if (image) manager.collector.kick(image.sr)
}

/** VDI.resize without its checks; SR_BACKEND_FAILURE_79 for less than it has or more than it may have. */
export function resizeDisk(manager: StorageManager, vdi: Refstring, size: number): void {
  const { images, logs } = manager
  const image = manager.imageOf(vdi)
  if (size < image.size) throw backendFailure(79, 'VDI Invalid size', 'shrinking not allowed')
  if (size === image.size) return
  const rounded = roundedSize(size, formatOf(image))
  if (manager.isThick(image.sr) && !image.deflated) {
    manager.assertRoom(image.sr, fullVolumeSize(formatOf(image), rounded) - manager.utilisation(image))
  }
  images.put({ ...image, size: rounded })
  logs.resize(image.uuid, rounded)
  manager.forgetSums()
  manager.refreshVdi(image.uuid)
  manager.refreshSr(image.sr)
  manager.commit()
}

/** Turns change tracking on or off; nothing happens when it is so already. */
export function trackChanges(manager: StorageManager, vdi: Refstring, enabled: boolean): void {
  const { db, logs } = manager
  const row = db.get('VDI', vdi)
  if (flag(row, 'cbt_enabled') === enabled) return
  const image = manager.imageOf(vdi)
  if (image.format === 'raw') throw backendFailure(66, 'Incorrect VDI type', 'Raw VDI or snapshot not permitted')
  if (enabled) logs.enable(image.uuid, image.sr, image.size)
  else manager.dropLog(logs.disable(image.uuid))
  db.update('VDI', vdi, { cbt_enabled: enabled })
  manager.forgetSums()
  manager.commit()
}
