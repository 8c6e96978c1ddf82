import { randomUUID } from 'node:crypto'
import { map, NULL_REF, text } from '../classes/fields.ts'
import type { Refstring } from '../pool.ts'
import { backendFailure } from './failures.ts'
import type { Image } from './images.ts'
import type { StorageManager } from './manager.ts'

/** Longest chain of VHDs that may still be snapshot: `MAX_CHAIN_SIZE` of sm libs/sm/vhdutil.py. */
const MAX_CHAIN_SIZE = 30

/**
 * Puts a second leaf beside a disk (FileVDI._snapshot in sm libs/sm/drivers/FileSR.py): what the disk holds becomes a hidden
 * base copy, and the disk and the new image are empty children of it. A disk that holds nothing of its own needs no base copy:
 * both then hang on the nearest ancestor that holds something, or on the root (vhd_util_find_snapshot_target in blktap
 * vhd/lib/vhd-util-snapshot.c), so that snapshots of an idle disk don't lengthen the chain.
 * Returns the new image. SR_BACKEND_FAILURE_109 when the chain is too long, 44 when there is no room.
 */
export function addLeafBeside(manager: StorageManager, vdi: Refstring): Image {
  const { db, images } = manager
  const leaf = manager.imageOf(vdi)
  if (leaf.hidden) throw backendFailure(81, 'VDI Clone failed', 'hidden VDI')
  const lineage = images.lineage(leaf.uuid)
  if (lineage.length >= MAX_CHAIN_SIZE) throw backendFailure(109, 'The snapshot chain is too long')
  manager.assertRoomForImage(leaf.sr, leaf.size)
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
  const added = manager.newImage(leaf.sr, leaf.size, parent)
  if (target === leaf) introduceBaseCopy(manager, images.get(parent) as Image, text(db.get('VDI', vdi), 'SR'))
  manager.refreshVdi(leaf.uuid)
  return added
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
    sm_config: image.parent === '' ? {} : { 'vhd-parent': image.parent },
    metadata_of_pool: NULL_REF,
  }
}

/** `key_hash` and the like go from a disk to its snapshot (xen-api ocaml/xapi/storage_smapiv1.ml). */
export function inheritedSmConfig(from: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => key === 'base_mirror' || key === 'key_hash'))
}

export function smConfigOf(manager: StorageManager, vdi: Refstring) {
  return map(manager.db.get('VDI', vdi), 'sm_config')
}
