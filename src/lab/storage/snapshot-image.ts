import { randomUUID } from 'node:crypto'
import { map, NULL_REF, text } from '../classes/fields.ts'
import type { Refstring } from '../pool.ts'
import { deflatedVolumeSize, EXTENT, fullVolumeSize, imageFileSize } from './disk-size.ts'
import { THICK_TYPES } from './driver-features.ts'
import { backendFailure } from './failures.ts'
import { formatOf, type Image } from './images.ts'
import type { StorageManager } from './manager.ts'

/** Longest chain of VHDs that may still be snapshot: `MAX_CHAIN_SIZE` of sm libs/sm/vhdutil.py. */
const MAX_CHAIN_SIZE = 30

/**
 * Puts a second leaf beside a disk (FileVDI._snapshot in sm libs/sm/drivers/FileSR.py): what the disk holds becomes a hidden
 * base copy, and the disk and the new image are empty children of it. A disk that holds nothing of its own needs no base copy:
 * both then hang on the nearest ancestor that holds something, or on the root (vhd_util_find_snapshot_target in blktap
 * vhd/lib/vhd-util-snapshot.c), so that snapshots of an idle disk don't lengthen the chain.
 * On thick storage the base copy shrinks to what it holds, a disk keeps a volume of its full size, and so does a clone, but not
 * a snapshot (LVHDVDI._snapshot in sm drivers/LVHDSR.py).
 * Returns the new image. SR_BACKEND_FAILURE_109 when the chain is too long, 44 when there is no room.
 */
export function addLeafBeside(manager: StorageManager, vdi: Refstring, kind: 'snapshot' | 'clone'): Image {
  const { db, images } = manager
  const leaf = manager.imageOf(vdi)
  if (leaf.hidden) throw backendFailure(81, 'VDI Clone failed', 'hidden VDI')
  const lineage = images.lineage(leaf.uuid)
  if (lineage.length >= MAX_CHAIN_SIZE) throw backendFailure(109, 'The snapshot chain is too long')
  manager.assertRoom(leaf.sr, costOfLeaf(manager, leaf, kind))
  const target = lineage.find((image) => image.parent === '' || images.node(image).heldBlocks > 0) as Image
  let parent = target.uuid
  if (target === leaf) {
    const base: Image = { ...leaf, uuid: randomUUID(), hidden: true }
    images.put(base)
    parent = base.uuid
  } else {
    manager.dropNode(leaf.node)
  }
  images.put({ ...leaf, node: randomUUID(), footer: randomUUID(), parent })
  const added = manager.newImage(leaf.sr, leaf.size, {
    parent,
    ...(leaf.format === undefined ? {} : { format: leaf.format }),
    ...(kind === 'snapshot' ? { deflated: true } : {}),
  })
  if (target === leaf) introduceBaseCopy(manager, images.get(parent) as Image, text(db.get('VDI', vdi), 'SR'))
  manager.refreshVdi(leaf.uuid)
  return added
}

/** Two volumes for the journals of the operation are needed on top (`size_req` there). */
const JOURNALS = 2 * EXTENT

function costOfLeaf(manager: StorageManager, leaf: Image, kind: 'snapshot' | 'clone'): number {
  const format = formatOf(leaf)
  if (!manager.isThick(leaf.sr)) return 2 * imageFileSize(format, leaf.size, 0)
  const empty = deflatedVolumeSize(format, leaf.size, 0)
  const full = fullVolumeSize(format, leaf.size)
  const shrinks = manager.utilisation(leaf) - deflatedVolumeSize(format, leaf.size, manager.images.node(leaf).heldBlocks)
  return (leaf.deflated ? empty : full) + (kind === 'clone' ? full : empty) + JOURNALS - shrinks
}

function introduceBaseCopy(manager: StorageManager, base: Image, sr: Refstring): void {
  manager.db.create('VDI', {
    ...recordOfImage(manager, base, sr),
    name_label: 'base copy',
    managed: false,
    read_only: true,
  })
}

/** The fields of a new record that follow from the image. */
export function recordOfImage(manager: StorageManager, image: Image, sr: Refstring) {
  return {
    uuid: image.uuid,
    location: image.uuid,
    SR: sr,
    type: 'user',
    on_boot: 'persist',
    managed: true,
    virtual_size: image.size,
    physical_utilisation: manager.utilisation(image),
    sm_config: { ...volumeType(manager, image, sr), ...(image.parent === '' ? {} : { 'vhd-parent': image.parent }) },
    metadata_of_pool: NULL_REF,
  }
}

/** Drivers with volumes keep their type with the record (`vdi_type` in sm drivers/LVHDSR.py). */
export function volumeType(manager: StorageManager, image: Image, sr: Refstring): Record<string, string> {
  return THICK_TYPES.has(text(manager.db.get('SR', sr), 'type')) ? { vdi_type: formatOf(image) } : {}
}

/** `key_hash` and the like go from a disk to its snapshot (xen-api ocaml/xapi/storage_smapiv1.ml). */
export function inheritedSmConfig(from: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => key === 'base_mirror' || key === 'key_hash'))
}

export function smConfigOf(manager: StorageManager, vdi: Refstring) {
  return map(manager.db.get('VDI', vdi), 'sm_config')
}
