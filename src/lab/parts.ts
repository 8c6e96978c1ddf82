/** The parts of a pool that other folders make: storage, bulk handlers, the NBD server. */
import type { BulkHandler } from './http/bulk-routes.ts'
import type { LabPool, Storage } from './pool.ts'
import { startStorage } from './storage/start-storage.ts'

type Undo = (() => unknown)[]

async function optional<T>(path: string): Promise<T | undefined> {
  try {
    return (await import(path)) as T
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

export const parts = {
  async storage(pool: LabPool, undo: Undo): Promise<Storage | undefined> {
    return startStorage(pool, undo)
  },
  async nbd(_pool: LabPool, _port: number, _undo: Undo): Promise<{ host: string; port: number } | undefined> {
    return undefined
  },
  async bulk(): Promise<readonly BulkHandler[]> {
    const found = await optional<{ bulkHandlers: readonly BulkHandler[] }>('./bulk/handlers.ts')
    return found?.bulkHandlers ?? []
  },
}
