/** One server a data folder: a lock of the operating system, which goes with the process however it ends. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '../core/failure.ts'

export interface FolderLock {
  release(): void
}

/** Throws Failure FOLDER_IN_USE. The lock itself is SQLite's on an empty database of its own: Node has no call for one. */
export function lockFolder(folder: string): FolderLock {
  const pidFile = join(folder, 'server.pid')
  const lockFile = join(folder, 'server.lock')
  closeSync(openSync(lockFile, 'a', 0o600))
  const database = new DatabaseSync(lockFile, { timeout: 0 })
  try {
    database.exec('pragma locking_mode = exclusive')
    database.exec('begin exclusive')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    const pid = readPid(pidFile)
    throw new Failure('FOLDER_IN_USE', `another server${pid ? ` (process ${pid})` : ''} uses the data folder ${folder}`, undefined, error)
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    release() {
      if (!database.isOpen) return
      rmSync(pidFile, { force: true })
      database.close()
    },
  }
}

const SQLITE_BUSY = 5

function readPid(file: string): string | undefined {
  try {
    return /^\d+/.exec(readFileSync(file, 'utf8'))?.[0]
  } catch {
    return undefined
  }
}
