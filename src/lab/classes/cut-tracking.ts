/**
 * Change tracking that ended with its host: the log of a disk is marked inconsistent while a writer has it, and a writer that never
 * closed it leaves the mark. Whoever activates the disk for writing next loses the tracking, and an alert says so (activate and
 * _disable_cbt_on_error in sm libs/sm/VDI.py). A snapshot taken in between takes the marked log with it, and nobody looks there.
 */
import type { LabPool, Refstring } from '../pool.ts'
import { trackChanges } from '../storage/disk-records.ts'
import { storageManagerOf } from '../storage/manager.ts'
import { flag, text, texts } from './fields.ts'
import { leaveMessage } from './message.ts'
import { isLive } from './vm-facts.ts'

/** Disk's uuid → name of the log's file that was open. */
const KIND = 'cut-tracking'
/** Priority of the storage's alerts. */
const WARNING = 3

const openLog = (pool: LabPool, uuid: string) => storageManagerOf(pool).logs.get(uuid)?.file

/** The VM's domain is gone without having closed its disks. To be called before the database is told. */
export function noteCutTracking(pool: LabPool, vm: Refstring): void {
  const { db } = pool
  const row = db.get('VM', vm)
  if (!isLive(row)) return
  for (const ref of texts(row, 'VBDs')) {
    const vbd = db.get('VBD', ref)
    const disk = db.find('VDI', text(vbd, 'VDI'))
    if (!disk || !flag(vbd, 'currently_attached') || text(vbd, 'mode') !== 'RW') continue
    const file = openLog(pool, text(disk, 'uuid'))
    if (file !== undefined) db.documents.put(KIND, text(disk, 'uuid'), file)
  }
}

/** A writer is about to have the disk. */
export function endCutTracking(pool: LabPool, vdi: Refstring): void {
  const { db } = pool
  const uuid = text(db.get('VDI', vdi), 'uuid')
  const marked = db.documents.get(KIND, uuid)
  if (marked === undefined) return
  db.documents.remove(KIND, uuid)
  if (marked !== openLog(pool, uuid)) return
  trackChanges(storageManagerOf(pool), vdi, false)
  const body = `Changed Block Tracking metadata is inconsistent for disk ${uuid}.`
  leaveMessage(pool, { name: 'VDI_CBT_METADATA_INCONSISTENT', priority: WARNING, cls: 'VDI', obj_uuid: uuid, body })
}
