import { join } from 'node:path'
import type { LabPool, Refstring } from '../pool.ts'
import { createStorage, type StorageManager } from './manager.ts'

/** The storage of a pool that starts: what a killed one left is put right; `undo` gets what ends it. */
export function startStorage(pool: LabPool, undo: (() => unknown)[]): StorageManager {
  const { db, settings } = pool
  const storage = createStorage({
    db,
    folder: join(pool.folder, 'storage'),
    settings,
    faults: pool.faults,
    now: () => pool.now(),
    controlDomain: (host) => (host === undefined ? pool.refs.controlDomain : (db.get('host', host).control_domain as Refstring)),
  })
  undo.push(() => storage.close())
  storage.recover()
  return storage
}
