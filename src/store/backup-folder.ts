/** Copies of the database: taken beside a running server, and put back while none runs. */

import { existsSync } from 'node:fs'
import { copyFile, link, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { Failure } from '../core/failure.ts'
import { newerDatabase } from './migrate.ts'
import { MIGRATIONS } from './migrations/all.ts'
import { APPLICATION_ID, DATABASE_FILE, openFolder, unreadable } from './open-store.ts'
import { syncToDisk, writeWhole } from './write-whole.ts'

const BUSY_TIMEOUT_MS = 10_000
/** All in one step: page by page, each write of the server in between would make it begin again. */
const ALL_PAGES = 0x7fffffff

/**
 * Copies the database of a data folder into a new file (0600), also while a server uses it: as it is at one moment. The key of the stored
 * passwords is not in it. Throws Failure BACKUP_EXISTS, BACKUP_FAILED, DATABASE_UNREADABLE.
 */
export async function backupFolder(folder: string, file: string): Promise<void> {
  const from = join(folder, DATABASE_FILE)
  if (!existsSync(from)) throw new Failure('DATABASE_UNREADABLE', `there is no database in ${folder}`, 'name the data folder of the server')
  let database: DatabaseSync
  try {
    database = new DatabaseSync(from, { timeout: BUSY_TIMEOUT_MS })
  } catch (error) {
    throw unreadable(from, error)
  }
  try {
    await writeWhole(file, (part) => backup(database, part, { rate: ALL_PAGES }))
  } finally {
    database.close()
  }
}

/**
 * Puts a backup in the place of the database of a data folder, which is kept beside it; its name is given back (undefined: there was
 * none). Throws Failure FOLDER_IN_USE while a server runs, BACKUP_UNUSABLE, DATABASE_NEWER; nothing was touched then. A backup of an older
 * version is brought to this one when the server starts.
 */
export async function restoreFolder(folder: string, file: string, now: Date): Promise<{ readonly kept: string | undefined }> {
  const lock = openFolder(folder)
  try {
    const target = join(folder, DATABASE_FILE)
    const part = `${target}.restoring`
    for (const left of ['', '-wal', '-shm']) await rm(`${part}${left}`, { force: true })
    try {
      // What is checked is what will be used: the copy.
      await copyFile(file, part).catch((error: unknown) => {
        throw new Failure('BACKUP_UNUSABLE', `${file} can't be read: ${(error as Error).message}`, undefined, error)
      })
      checkBackup(part, file)
      await syncToDisk(part)
      const kept = existsSync(target) ? await keepAside(target, now) : undefined
      // A log of the old database must not be applied to the new one.
      for (const left of ['-wal', '-shm']) await rm(`${target}${left}`, { force: true })
      await rename(part, target)
      await syncToDisk(folder)
      return { kept }
    } finally {
      for (const left of ['', '-wal', '-shm']) await rm(`${part}${left}`, { force: true })
    }
  } finally {
    lock.release()
  }
}

/** The file stays where it is too, until another one takes its name at once: there is no moment without a database. */
async function keepAside(target: string, now: Date): Promise<string> {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  for (let number = 0; ; number++) {
    const kept = `${target}.before-restore-${stamp}${number === 0 ? '' : `-${number}`}`
    try {
      await link(target, kept)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && number < 100) continue
      throw error
    }
    // A server that was killed left some of it in the log, which SQLite finds by its name.
    if (existsSync(`${target}-wal`)) await copyFile(`${target}-wal`, `${kept}-wal`)
    return kept
  }
}

function checkBackup(part: string, file: string): void {
  const unusable = (why: string, cause?: unknown) =>
    new Failure('BACKUP_UNUSABLE', `${file} is no backup that can be used: ${why}`, undefined, cause)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(part)
    const { application_id: id } = database.prepare('pragma application_id').get() as { application_id: number }
    if (id !== APPLICATION_ID) throw unusable('it is no database of understudy')
    const problems = database.prepare('pragma integrity_check(3)').all() as { integrity_check: string }[]
    if (problems[0]?.integrity_check !== 'ok') throw unusable(`it is damaged (${problems.map((one) => one.integrity_check).join('; ')})`)
    if (database.prepare('pragma foreign_key_check').all().length > 0) throw unusable('its parts contradict each other')
    const versions = database.prepare('select name from kysely_migration order by name').all() as { name: string }[]
    if (versions.length === 0) throw unusable('it is empty')
    const unknown = versions.map(({ name }) => name).filter((name) => !(name in MIGRATIONS))
    if (unknown.length > 0) throw newerDatabase(unknown)
    // One file, without a log beside it.
    database.exec('pragma journal_mode = delete')
  } catch (error) {
    throw error instanceof Failure ? error : unusable((error as Error).message, error)
  } finally {
    database?.close()
  }
}
