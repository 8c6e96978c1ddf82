import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, open, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Extent } from '../../block/block.ts'
import { writeFileTree } from './file-tree.ts'

const run = promisify(execFile)

/** A file system in a sparse file, and where it may hold anything but zeroes. */
export interface FileSystemImage {
  readonly path: string
  /** Ranges of the file in multiples of 512, ascending. */
  readonly extents: readonly Extent[]
}

export interface FileSystemTools {
  readonly mke2fs: string
  readonly dumpe2fs: string
}

/** Where programs are looked for: the system folders too, which a plain user's PATH often lacks. */
function systemFolders(): string[] {
  return [...(process.env.PATH ?? '').split(delimiter), '/sbin', '/usr/sbin', '/usr/local/sbin'].filter((folder) => folder !== '')
}

async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/** The two programs that making a file system takes; undefined when either is missing. */
export async function findFileSystemTools(folders: readonly string[] = systemFolders()): Promise<FileSystemTools | undefined> {
  const [mke2fs, dumpe2fs] = await Promise.all([findProgram('mke2fs', folders), findProgram('dumpe2fs', folders)])
  return mke2fs !== undefined && dumpe2fs !== undefined ? { mke2fs, dumpe2fs } : undefined
}

/**
 * Makes an ext4 file system of `size` bytes with a tree of files in it, `fill` bytes of them data, in the folder `folder`. Takes
 * the time and the space of what it holds, not of its size. Throws when mke2fs refuses (a fill that doesn't fit).
 */
export async function makeExt4Image(
  tools: FileSystemTools,
  folder: string,
  want: { readonly size: number; readonly fill: number; readonly seed: string },
): Promise<FileSystemImage> {
  const path = join(folder, `${randomUUID()}.ext4`)
  const tree = join(folder, randomUUID())
  try {
    await mkdir(folder, { recursive: true })
    await writeFileTree(tree, want.seed, want.fill)
    await using file = await open(path, 'w')
    await file.truncate(want.size)
    // Few inodes and a small journal keep the tables small: a 100 GiB file system then takes a few MiB.
    const inodes = Math.max(1024, Math.floor(want.size / 2 ** 20))
    const features = 'lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0'
    const journal = want.size > 2 ** 30 ? ['-J', 'size=16'] : []
    const options = ['-q', '-F', '-t', 'ext4', '-N', String(inodes), ...journal, '-E', features, '-d', tree, path]
    await run(tools.mke2fs, options, { timeout: 600_000 })
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
  const { stdout } = await run(tools.dumpe2fs, [path], {
    // Its report is read, so it has to be in one language.
    env: { ...process.env, LC_ALL: 'C' },
    timeout: 60_000,
    maxBuffer: 256 * 2 ** 20,
  })
  return { path, extents: usedExtents(stdout, want.size) }
}

/** What is not free, from dumpe2fs's report: `Block size:`, and per group a line `Free blocks: 1-7, 9`. */
export function usedExtents(report: string, size: number): Extent[] {
  const blockSize = Number(/^Block size:\s+(\d+)$/m.exec(report)?.[1])
  if (!Number.isInteger(blockSize) || blockSize < 512) throw new Error('dumpe2fs did not tell the block size')
  const used: Extent[] = []
  let end = 0
  for (const [, list] of report.matchAll(/^ {2}Free blocks:(.*)$/gm)) {
    for (const range of (list ?? '').split(',')) {
      const found = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(range)
      if (!found) continue
      const from = Number(found[1]) * blockSize
      if (from > end) used.push({ offset: end, length: from - end })
      end = (Number(found[2] ?? found[1]) + 1) * blockSize
    }
  }
  if (size > end) used.push({ offset: end, length: size - end })
  return used
}
