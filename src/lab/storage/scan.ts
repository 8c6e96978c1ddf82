import { flag, map, NULL_REF, text, without } from '../classes/fields.ts'
import type { Refstring } from '../pool.ts'
import { ChangeLogs } from './cbt/change-logs.ts'
import { keepsImages } from './driver-features.ts'
import type { Image } from './images.ts'
import type { StorageManager } from './manager.ts'
import { recordOfImage } from './snapshot-image.ts'

/**
 * SR.scan: the records of an SR's VDIs become what the driver finds (FileSR._loadvdis in sm libs/sm/drivers/FileSR.py, update_vdis
 * in xen-api ocaml/xapi/xapi_sr.ml). Images without record get one, with an empty name and no link to what they were a snapshot
 * of; records without image go; logs without image are cbt_metadata. Hidden leaves wait for the collector and are passed over.
 */
export function scanSr(manager: StorageManager, sr: Refstring): void {
  const { db, images, logs } = manager
  const row = db.get('SR', sr)
  if (!keepsImages(text(row, 'type'))) return
  const uuid = text(row, 'uuid')
  const found = new Set<string>()
  manager.forgetSums()
  for (const image of images.ofSr(uuid)) {
    if (image.hidden && images.childrenOf(image.uuid).length === 0) continue
    found.add(image.uuid)
    showImage(manager, image, sr)
  }
  for (const log of logs.all()) {
    if (log.sr !== uuid || images.get(log.uuid)) continue
    found.add(log.uuid)
    // The driver knows no other size of it than that of the log's file, and tells that one as both (FileVDI.load).
    const size = ChangeLogs.fileSize(log)
    const figures = { virtual_size: size, physical_utilisation: size, cbt_enabled: true, sm_config: {} }
    const ref = db.byUuid('VDI', log.uuid)
    if (ref !== undefined) db.update('VDI', ref, figures)
    else {
      const record = {
        uuid: log.uuid,
        location: log.uuid,
        SR: sr,
        type: 'cbt_metadata',
        on_boot: 'persist',
        managed: true,
        metadata_of_pool: NULL_REF,
      }
      db.create('VDI', { ...record, ...figures })
    }
  }
  for (const vdi of row.VDIs as readonly Refstring[]) {
    const record = db.find('VDI', vdi)
    if (record && !found.has(text(record, 'location'))) db.delete('VDI', vdi)
  }
  manager.refreshSr(uuid)
  manager.commit()
  manager.collector.kick(uuid)
}

function showImage(manager: StorageManager, image: Image, sr: Refstring): void {
  const { db, images, logs } = manager
  const ref = db.byUuid('VDI', image.uuid)
  const tracked = logs.get(image.uuid) !== undefined
  const record = recordOfImage(manager, image, sr)
  if (ref === undefined) {
    db.create('VDI', { ...record, managed: !image.hidden, read_only: image.hidden, cbt_enabled: tracked })
    return
  }
  const row = db.get('VDI', ref)
  db.update('VDI', ref, {
    virtual_size: image.size,
    physical_utilisation: record.physical_utilisation,
    read_only: flag(row, 'read_only') || images.childrenOf(image.uuid).length > 0,
    cbt_enabled: tracked,
    sm_config: { ...without(map(row, 'sm_config'), 'vhd-parent'), ...record.sm_config },
  })
}
