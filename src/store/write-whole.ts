/** New files that are complete or not there. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../core/failure.ts'

/** `write` fills the path it is given; then it becomes `file`, on the disk and with mode 0600. BACKUP_EXISTS, BACKUP_FAILED. */
export async function writeWhole(file: string, write: (part: string) => Promise<unknown>): Promise<void> {
  if (existsSync(file)) throw exists(file)
  const part = `${file}.${randomUUID().slice(0, 8)}.part`
  try {
    // Exists with its mode before anything is in it.
    await (await open(part, 'wx', 0o600)).close()
    await write(part)
    await chmod(part, 0o600)
    await syncToDisk(part)
    await link(part, file)
    await syncToDisk(dirname(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(file)
    throw new Failure('BACKUP_FAILED', `${file} can't be written: ${(error as Error).message}`, undefined, error)
  } finally {
    await rm(part, { force: true })
  }
}

export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function exists(file: string): Failure {
  return new Failure('BACKUP_EXISTS', `${file} exists already`)
}
