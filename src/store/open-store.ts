/** Opens the database of a server: the way into this folder. Operations are one a file, in folders by what they are about. */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { Kysely, type Transaction } from 'kysely'
import { Failure } from '../core/failure.ts'
import { type FolderLock, lockFolder } from './folder-lock.ts'
import { migrate } from './migrate.ts'
import type { Tables } from './schema.ts'
import { nodeSqliteDialect, TransactionScope } from './sqlite-driver.ts'
import { writeWhole } from './write-whole.ts'

/** What operations are given: the database, or a transaction of it. */
export type Queries = Kysely<Tables>

/** `UNDY`: tells a database of this program from any other of SQLite. */
export const APPLICATION_ID = 0x554e4459
export const DATABASE_FILE = 'understudy.sqlite'
const BUSY_TIMEOUT_MS = 10_000

export interface Store {
  /** For single operations; each is a transaction of its own. Inside `transaction` use what that hands out: this one is refused there. */
  readonly db: Queries
  /** undefined: in memory */
  readonly folder: string | undefined
  /**
   * All or nothing. Whatever else wants the database waits meanwhile: await nothing in it but its own queries. `durable`: what it wrote
   * outlives a power cut when this resolves; anything that resolved outlives the end of the process in any case.
   */
  transaction<T>(work: (db: Transaction<Tables>) => Promise<T>, options?: { readonly durable?: boolean }): Promise<T>
  /** Copies the database as it is at one moment into a new file (0600), while others go on using it. BACKUP_EXISTS. */
  backup(file: string): Promise<void>
  /** Whether it can be read and written to, tried now. */
  isUsable(): Promise<boolean>
  close(): Promise<void>
}

/**
 * `folder` is made when it is missing, readable for its owner only. Throws Failure: FOLDER_IN_USE (another server), DATABASE_NEWER,
 * DATABASE_UNREADABLE, FOLDER_UNUSABLE; nothing is changed then.
 */
export async function openStore(where: { readonly folder: string } | { readonly memory: true }): Promise<Store> {
  if ('memory' in where) return await storeOf(new DatabaseSync(':memory:'), undefined, undefined)
  const { folder } = where
  const lock = openFolder(folder)
  try {
    const file = join(folder, DATABASE_FILE)
    // Made before SQLite does, which would make it readable for others; its journal files get the same mode.
    closeSync(openSync(file, 'a', 0o600))
    return await storeOf(new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS }), folder, lock)
  } catch (error) {
    lock.release()
    throw isSqliteError(error) ? unreadable(join(folder, DATABASE_FILE), error) : error
  }
}

export function openFolder(folder: string): FolderLock {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return lockFolder(folder)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('FOLDER_UNUSABLE', `the data folder ${folder} can't be used: ${(error as Error).message}`, undefined, error)
  }
}

async function storeOf(database: DatabaseSync, folder: string | undefined, lock: FolderLock | undefined): Promise<Store> {
  const scope = new TransactionScope()
  const db: Queries = new Kysely<Tables>({ dialect: nodeSqliteDialect(database, scope) })
  try {
    prepareConnection(database)
    await migrate(db)
    database.exec(`pragma application_id = ${APPLICATION_ID}`)
  } catch (error) {
    await db.destroy()
    if (database.isOpen) database.close()
    throw error
  }
  return {
    db,
    folder,
    transaction: (work, { durable = false } = {}) => scope.run({ durable }, () => db.transaction().execute(work)),
    backup: (file) => writeWhole(file, (part) => backup(database, part)),
    async isUsable() {
      try {
        await db
          .insertInto('meta')
          .values({ key: 'checked', value: '1' })
          .onConflict((on) => on.column('key').doUpdateSet({ value: '1' }))
          .execute()
        return true
      } catch {
        return false
      }
    },
    async close() {
      if (database.isOpen) await db.destroy()
      lock?.release()
    },
  }
}

/**
 * WAL: readers (a backup) don't hold up writers, and a commit is one append. `synchronous` NORMAL: what was committed outlives the end of
 * this process at any instant (kill -9), and the database is never corrupted; only a power cut may take the last commits back. What a user
 * typed is committed by `durable` transactions, which wait for the disk (sqlite-driver.ts); progress and logs, dozens a second on a large installation, don't:
 * what a run achieved stands on the pools.
 */
function prepareConnection(database: DatabaseSync): void {
  database.exec('pragma journal_mode = wal')
  database.exec('pragma synchronous = normal')
  database.exec('pragma foreign_keys = on')
  // In files SQLite would remove at once, unless the process is killed right between: nothing of the database lies in anybody's temporary folder.
  database.exec('pragma temp_store = memory')
}

function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_SQLITE_ERROR'
}

export function unreadable(file: string, cause: unknown): Failure {
  return new Failure('DATABASE_UNREADABLE', `${file} can't be read as a database: ${(cause as Error).message}`, undefined, cause)
}
