/** The folder of the server where seeds are: nothing outside it is ever read or written, whatever a name says. */
import { lstat, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { SeedFolder } from '../../core/control/seed-record.ts'
import { Failure } from '../../core/failure.ts'
import { lookAtSeed } from '../../replication/seeding/export-seed.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
/** What exports write into a folder. */
const OURS = /^(seed\.json(\.part)?|snapshot-name\.txt|disk-\d{1,3})$/

/** The path of a seed. Failure SEEDS_NOT_KEPT, SEED_FOLDER_NOT_FOUND when the name is none, or leads elsewhere. */
export async function seedPath(root: string | undefined, name: string): Promise<string> {
  if (root === undefined) throw new Failure('SEEDS_NOT_KEPT', 'this server has no folder for seeds')
  if (!NAME.test(name)) throw notFound(name)
  await mkdir(root, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new Failure('SEED_FOLDER_UNUSABLE', `the folder for seeds can't be made: ${error.message}`)
  })
  const path = join(root, name)
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return path
  // A link that somebody put there would lead out of the folder.
  if (!found.isDirectory() || !(await realpath(path)).startsWith(`${await realpath(root)}${sep}`)) throw notFound(name)
  return path
}

const notFound = (name: string) => new Failure('SEED_FOLDER_NOT_FOUND', `there is no seed "${name.slice(0, 100)}" in the server's folder`)

/** @param isExporting whether an activity writes to it now */
export async function listSeeds(root: string | undefined, isExporting: (name: string) => boolean): Promise<SeedFolder[]> {
  if (root === undefined) return []
  const entries = await readdir(root, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new Failure('SEED_FOLDER_UNUSABLE', `the folder for seeds can't be read: ${error.message}`)
  })
  const names = entries.filter((entry) => entry.isDirectory() && NAME.test(entry.name)).map(({ name }) => name)
  return Promise.all(names.sort().map((name) => lookAtFolder(join(root, name), name, isExporting(name))))
}

async function lookAtFolder(path: string, name: string, exporting: boolean): Promise<SeedFolder> {
  const bytesStored = await sizeOf(path)
  try {
    const { manifest, complete } = await lookAtSeed(path)
    const { vm, snapshot, createdAt } = manifest
    const state = exporting ? 'exporting' : complete ? 'complete' : 'incomplete'
    return { name, state, problem: null, vm, snapshot, createdAt, bytesStored }
  } catch (error) {
    const begun = exporting || (await stat(join(path, 'snapshot-name.txt')).catch(() => undefined)) !== undefined
    const problem = begun ? null : (error as Error).message
    const state = exporting ? 'exporting' : begun ? 'incomplete' : 'damaged'
    return { name, state, problem, vm: null, snapshot: null, createdAt: null, bytesStored }
  }
}

async function sizeOf(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Only what an export made is removed. Failure SEED_FOLDER_NOT_FOUND, SEED_FOLDER_DAMAGED. */
export async function removeSeed(root: string | undefined, name: string): Promise<void> {
  const path = await seedPath(root, name)
  const entries = await readdir(path).catch(() => {
    throw notFound(name)
  })
  const foreign = entries.find((entry) => !OURS.test(entry))
  if (foreign !== undefined)
    throw new Failure('SEED_FOLDER_DAMAGED', `"${name}" holds "${foreign}", which no export made: nothing was removed`, 'remove it by hand')
  await rm(path, { recursive: true })
}
