/** Messages of VDI: what xen-api ocaml/xapi/message_forwarding.ml checks and locks, then what ocaml/xapi/xapi_vdi.ml does. */

import type { Call, MessageTable, Refstring, Row, Value } from '../pool.ts'
import { XapiFailure } from '../pool.ts'
import { copyData } from '../storage/copy-disk.ts'
import { assertManaged, createDisk, destroyData, destroyDisk, duplicateDisk, resizeDisk, trackChanges } from '../storage/disk-records.ts'
import { assertFeature, assertPlugged, THICK_TYPES } from '../storage/driver-features.ts'
import { type StorageManager, storageManagerOf } from '../storage/manager.ts'
import { assertVdiAccepts, type VdiOperation } from '../storage/vdi-operations.ts'
import { count, flag, map, NULL_REF, text, without } from './fields.ts'
import { operationKey, whenFree } from './operation-lock.ts'
import type { ClassPart } from './tables.ts'

const PATIENCE_MS = 2 * 60 * 60 * 1000
/** How long data_destroy waits for the disk's VBDs to go. */
const VBDS_GONE_MS = 4000

/** Waits until the operation may run, and has it stand in `current_operations` while `work` runs. The VDI may be gone afterwards. */
async function holding<T>(
  call: Call,
  vdi: Refstring,
  operation: VdiOperation,
  work: (manager: StorageManager) => T | Promise<T>,
): Promise<T> {
  const { db } = call.pool
  await whenFree(call.pool, PATIENCE_MS, () => assertVdiAccepts(db, vdi, operation))
  const manager = storageManagerOf(call.pool)
  const key = operationKey(call, `VDI.${operation}`)
  const sr = text(db.get('VDI', vdi), 'SR')
  // An operation that is over before anybody could look leaves no trace in the fields, only one that waits does.
  const result = work(manager)
  if (!(result instanceof Promise)) return result
  db.update('VDI', vdi, { current_operations: { ...map(db.get('VDI', vdi), 'current_operations'), [key]: operation } })
  if (db.find('SR', sr)) db.touch('SR', sr)
  try {
    return await result
  } finally {
    const row = db.find('VDI', vdi)
    if (row) db.update('VDI', vdi, { current_operations: without(map(row, 'current_operations'), key) })
    manager.commit()
  }
}

async function dataDestroy(call: Call, manager: StorageManager, vdi: Refstring): Promise<void> {
  const { db } = call.pool
  const row = db.get('VDI', vdi)
  const type = text(row, 'type')
  if (type === 'cbt_metadata') return
  // Marked first, so that nobody makes a VBD for it meanwhile.
  manager.noteDestroying(text(row, 'uuid'), type)
  db.update('VDI', vdi, { type: 'cbt_metadata' })
  try {
    assertPlugged(db, text(row, 'SR'))
    assertManaged(manager, vdi)
    await vbdsGone(call, vdi)
    destroyData(manager, vdi)
  } catch (error) {
    manager.noteDestroying(text(row, 'uuid'), undefined)
    if (db.find('VDI', vdi)) db.update('VDI', vdi, { type })
    manager.commit()
    throw error
  }
}

/** VDI_IN_USE when VBDs are left after four seconds; HANDLE_INVALID when the disk itself goes. */
function vbdsGone(call: Call, vdi: Refstring): Promise<void> {
  const { db, stopping } = call.pool
  const left = () => (db.get('VDI', vdi).VBDs as readonly Refstring[]).length
  return new Promise((resolve, reject) => {
    const end = (error?: unknown) => {
      clearTimeout(timer)
      stop()
      stopping.removeEventListener('abort', abort)
      if (error === undefined) resolve()
      else reject(error as Error)
    }
    const look = () => {
      try {
        if (left() === 0) end()
      } catch (error) {
        end(error)
      }
    }
    const abort = () => end(stopping.reason)
    const timer = setTimeout(() => end(new XapiFailure('VDI_IN_USE', [vdi, 'data_destroy'])), VBDS_GONE_MS)
    const stop = db.onChange((className, ref) => {
      if (className === 'VDI' && ref === vdi) look()
    })
    stopping.addEventListener('abort', abort, { once: true })
    look()
  })
}

async function copy(call: Call, vdi: Refstring, sr = NULL_REF, base = NULL_REF, into = NULL_REF): Promise<Refstring> {
  const { db } = call.pool
  return holding(call, vdi, 'copy', async (manager) => {
    assertManaged(manager, vdi)
    const source = db.get('VDI', vdi)
    const given = db.find('VDI', into) !== undefined
    const target = given ? into : createDisk(manager, { ...source, SR: sr, read_only: false, sm_config: {} })
    try {
      if (!given) db.update('VDI', target, { allow_caching: flag(source, 'allow_caching'), on_boot: text(source, 'on_boot') })
      assertCanReceive(call, target, source)
      const known = db.find('VDI', base) ? base : undefined
      if (known !== undefined) assertSparse(call, target)
      await copyData(manager, call, vdi, target, known)
      return target
    } catch (error) {
      if (!given && db.find('VDI', target)) destroyDisk(manager, target)
      throw error
    }
  })
}

function assertCanReceive(call: Call, target: Refstring, source: Row): void {
  const row = call.pool.db.get('VDI', target)
  if (flag(row, 'read_only')) throw new XapiFailure('VDI_READONLY', [target])
  const needed = count(source, 'virtual_size')
  if (count(row, 'virtual_size') < needed) throw new XapiFailure('VDI_TOO_SMALL', [target, String(needed)])
}

/** Volumes of the old LVM driver hold whatever was there before: a copy of differences would be useless. */
function assertSparse(call: Call, target: Refstring): void {
  const { db } = call.pool
  const sr = db.get('SR', text(db.get('VDI', target), 'SR'))
  const holdsOldData = THICK_TYPES.has(text(sr, 'type')) && map(sr, 'sm_config').use_vhd !== 'true'
  if (holdsOldData) throw new XapiFailure('VDI_NOT_SPARSE', [target])
}

function resize(call: Call, vdi: Refstring, size: number) {
  return holding(call, vdi, 'resize', (manager) => {
    assertPlugged(call.pool.db, text(call.pool.db.get('VDI', vdi), 'SR'))
    assertManaged(manager, vdi)
    resizeDisk(manager, vdi, size)
    return undefined
  })
}

/** A field that the driver keeps: it must be able to, and the SR plugged. */
function setName(field: 'name_label' | 'name_description') {
  return (call: Call, vdi: Refstring, value: string): undefined => {
    const { db } = call.pool
    assertPlugged(db, text(db.get('VDI', vdi), 'SR'))
    db.update('VDI', vdi, { [field]: value })
    return undefined
  }
}

/** Messages that only a storage driver's own session may send. */
function forDrivers(): never {
  throw new XapiFailure('PERMISSION_DENIED', [''])
}

function introduce(call: Call, uuid: string, name_label: string, name_description: string, sr: Refstring, ...rest: Value[]): Refstring {
  const { db } = call.pool
  const [type, sharable, read_only, other_config, location, xenstore_data = {}, , managed = true] = rest
  const srRow = db.get('SR', sr)
  const image = storageManagerOf(call.pool).images.get(location as string)
  if (db.byUuid('VDI', uuid) !== undefined) throw new XapiFailure('UUID_INVALID', ['VDI', uuid])
  if (!image || image.sr !== srRow.uuid || image.uuid !== uuid)
    throw new XapiFailure('SR_BACKEND_FAILURE_46', ['', `The VDI is not available [opterr=${location}]`, ''])
  const figures = {
    virtual_size: image.size,
    managed: managed as Value,
    sm_config: image.parent === '' ? {} : { 'vhd-parent': image.parent },
  }
  const given = { name_label, name_description, SR: sr, type, sharable, read_only, other_config, location, xenstore_data } as Row
  return db.create('VDI', { ...given, ...figures, uuid, on_boot: 'persist' })
}

const vdiMessages: MessageTable = {
  'VDI.create': (call, fields: Row) => createDisk(storageManagerOf(call.pool), fields),
  'VDI.destroy': (call, vdi: Refstring) =>
    holding(call, vdi, 'destroy', (manager) => {
      assertPlugged(call.pool.db, text(call.pool.db.get('VDI', vdi), 'SR'))
      assertManaged(manager, vdi)
      destroyDisk(manager, vdi)
      return undefined
    }),
  'VDI.snapshot': (call, vdi: Refstring) => holding(call, vdi, 'snapshot', (manager) => duplicateDisk(manager, vdi, 'snapshot')),
  'VDI.clone': (call, vdi: Refstring) => holding(call, vdi, 'clone', (manager) => duplicateDisk(manager, vdi, 'clone')),
  'VDI.copy': copy,
  'VDI.resize': resize,
  'VDI.resize_online': () => {
    throw new XapiFailure('MESSAGE_REMOVED')
  },
  'VDI.revert': (call, snapshot: Refstring) =>
    holding(call, snapshot, 'revert_from', () => {
      throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [text(call.pool.db.get('VDI', snapshot), 'SR')])
    }),
  'VDI.forget': (call, vdi: Refstring) =>
    holding(call, vdi, 'forget', (manager) => {
      for (const vbd of call.pool.db.get('VDI', vdi).VBDs as readonly Refstring[]) call.pool.db.delete('VBD', vbd)
      call.pool.db.delete('VDI', vdi)
      manager.commit()
      return undefined
    }),
  'VDI.update': (call, vdi: Refstring) =>
    holding(call, vdi, 'update', (manager) => {
      manager.refreshVdi(text(call.pool.db.get('VDI', vdi), 'uuid'))
      return undefined
    }),
  'VDI.introduce': introduce,
  'VDI.enable_cbt': (call, vdi: Refstring) =>
    holding(call, vdi, 'enable_cbt', (manager) => {
      trackChanges(manager, vdi, true)
      return undefined
    }),
  'VDI.disable_cbt': (call, vdi: Refstring) =>
    holding(call, vdi, 'disable_cbt', (manager) => {
      trackChanges(manager, vdi, false)
      return undefined
    }),
  'VDI.list_changed_blocks': (call, from: Refstring, to: Refstring) =>
    holding(call, to, 'list_changed_blocks', (manager) => {
      const uuid = text(call.pool.db.get('VDI', from), 'uuid')
      assertPlugged(call.pool.db, text(call.pool.db.get('VDI', to), 'SR'))
      return manager.logs.changedBetween(uuid, text(call.pool.db.get('VDI', to), 'uuid')).toString('base64')
    }),
  'VDI.data_destroy': (call, vdi: Refstring) =>
    holding(call, vdi, 'data_destroy', (manager) => dataDestroy(call, manager, vdi).then(() => undefined)),
  'VDI.set_name_label': setName('name_label'),
  'VDI.set_name_description': setName('name_description'),
  'VDI.set_on_boot': (call, vdi: Refstring, value: string) =>
    holding(call, vdi, 'set_on_boot', () => {
      const { db } = call.pool
      assertFeature(db, text(db.get('VDI', vdi), 'SR'), 'VDI_RESET_ON_BOOT')
      db.update('VDI', vdi, { on_boot: value })
      return undefined
    }),
  'VDI.set_allow_caching': (call, vdi: Refstring, value: boolean) => {
    call.pool.db.update('VDI', vdi, { allow_caching: value })
    return undefined
  },
  'VDI.set_sharable': forDrivers,
  'VDI.set_read_only': forDrivers,
  'VDI.open_database': (call, vdi: Refstring) => {
    if (text(call.pool.db.get('VDI', vdi), 'type') !== 'metadata') throw new XapiFailure('VDI_INCOMPATIBLE_TYPE', [vdi, 'metadata'])
    throw new XapiFailure('COULD_NOT_IMPORT_DATABASE', ['the disk holds no pool database'])
  },
  'VDI.read_database_pool_uuid': (call, vdi: Refstring) => {
    call.pool.db.get('VDI', vdi)
    return ''
  },
  'VDI.pool_migrate': (call, vdi: Refstring) => {
    const vbds = call.pool.db.get('VDI', vdi).VBDs as readonly Refstring[]
    if (vbds.length === 0) throw new XapiFailure('VDI_NEEDS_VM_FOR_MIGRATE', [vdi])
    throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [text(call.pool.db.get('VDI', vdi), 'SR')])
  },
}

export const vdiPart: ClassPart = { messages: vdiMessages }
