import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../database/database.ts'
import type { Database, Refstring } from '../pool.ts'
import type { CollectorSettings } from './collector.ts'
import { createStorage, type StorageManager } from './manager.ts'

/** A pool with one host, a control domain and one SR, without any server: for tests of the storage alone. */
export interface SmallPool {
  readonly db: Database
  readonly storage: StorageManager
  readonly sr: Refstring
  close(): Promise<void>
}

export interface SmallPoolOptions {
  readonly folder: string
  readonly srType?: string
  readonly physicalSize?: number
  readonly collector?: Partial<CollectorSettings>
  /** The SR's switches for the collector, when the pool is made. */
  readonly switches?: Readonly<Record<string, string>>
}

/** Makes the pool in an empty folder, or opens the one that it holds. */
export function openSmallPool({ folder, srType = 'file', physicalSize = 0, collector, switches = {} }: SmallPoolOptions): SmallPool {
  mkdirSync(folder, { recursive: true })
  const db = openDatabase(join(folder, 'pool.sqlite'))
  if (db.refs('SR').length === 0) {
    const host = db.create('host', { name_label: 'host' })
    db.create('VM', { name_label: 'control domain', is_control_domain: true, power_state: 'Running' })
    const sr = db.create('SR', { name_label: 'SR', type: srType, physical_size: physicalSize, other_config: switches })
    db.create('PBD', { host, SR: sr, currently_attached: true })
    db.commit()
  }
  const storage = createStorage({
    db,
    folder: join(folder, 'storage'),
    settings: { attachMs: 0, nbdDetachMs: 0, badLoginMs: 0 },
    now: () => new Date(),
    controlDomain: () => db.refs('VM').find((vm) => db.get('VM', vm).is_control_domain === true) as Refstring,
    ...(collector ? { collector } : {}),
  })
  storage.recover()
  return {
    db,
    storage,
    sr: db.refs('SR')[0] as Refstring,
    async close() {
      await storage.close()
      db.close()
    },
  }
}
