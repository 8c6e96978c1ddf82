import { open, rm } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { nonZeroRuns } from '../image/non-zero-runs.ts'
import { readUpTo } from '../image/read-at.ts'
import type { Disk } from '../pool.ts'
import { type FileSystemImage, type FileSystemTools, findFileSystemTools, makeExt4Image } from './ext4-image.ts'
import { fillPattern } from './pattern.ts'

const MiB = 1024 * 1024

/**
 * What a new disk holds: `ext4` a file system over the whole disk with about `fill` bytes of files; `pattern` random bytes in its
 * first `fill` bytes; `empty` nothing. The same seed, size and fill give the same files.
 */
export interface DiskContent {
  readonly kind: 'ext4' | 'pattern' | 'empty'
  readonly fill: number
  readonly seed: string
}

/** Puts content on disks; keeps the file systems it made, so that a hundred equal disks cost one mke2fs. */
export interface DiskFiller {
  /** Why there are no file systems, or undefined: then `ext4` is written as `pattern`. */
  readonly withoutFileSystems: string | undefined
  /** Fills a disk that is all zero; one disk at a time. Rejects with ContentError when the content does not fit. */
  fill(disk: Disk, content: DiskContent): Promise<void>
  close(): Promise<void>
}

/** Content that can not be made as it was asked for. */
export class ContentError extends Error {
  override readonly name = 'ContentError'
}

/** File systems kept at a time; the oldest is made anew when it is wanted again. */
const keptImages = 16

/** `folder` is for what is in the making; it is made when needed and removed by `close`. Programs are looked for in `programFolders`. */
export async function startDiskFiller(folder: string, programFolders?: readonly string[]): Promise<DiskFiller> {
  const tools = await findFileSystemTools(programFolders)
  const kept = new Map<string, FileSystemImage>()
  let last: Promise<unknown> = Promise.resolve()

  async function fileSystem(found: FileSystemTools, disk: Disk, content: DiskContent): Promise<FileSystemImage> {
    const key = `${disk.size} ${content.fill} ${content.seed}`
    const known = kept.get(key)
    if (known) return known
    for (const [oldest, image] of kept) {
      if (kept.size < keptImages) break
      kept.delete(oldest)
      await rm(image.path, { force: true })
    }
    const image = await makeExt4Image(found, folder, { size: disk.size, fill: content.fill, seed: content.seed }).catch(
      (error: unknown) => {
        throw new ContentError(`no ext4 file system with ${content.fill} bytes of files fits on a disk of ${disk.size} bytes`, {
          cause: error,
        })
      },
    )
    kept.set(key, image)
    return image
  }

  async function fill(disk: Disk, content: DiskContent): Promise<void> {
    if (content.kind === 'empty') return
    if (content.kind === 'pattern' || !tools) return writePattern(disk, content)
    const { path, extents } = await fileSystem(tools, disk, content)
    await using file = await open(path, 'r')
    const buffer = Buffer.allocUnsafe(MiB)
    for (const extent of extents) {
      for (let offset = extent.offset; offset < extent.offset + extent.length; offset += MiB) {
        const piece = buffer.subarray(0, Math.min(MiB, extent.offset + extent.length - offset))
        await readUpTo(file, piece, offset)
        for (const [start, end] of nonZeroRuns(piece)) disk.write(offset + start, piece.subarray(start, end))
      }
    }
  }

  return {
    withoutFileSystems: tools
      ? undefined
      : 'mke2fs or dumpe2fs (e2fsprogs) is missing: new disks carry a plain pattern instead of a file system',
    fill(disk, content) {
      const done = last.then(() => fill(disk, content))
      last = done.catch(() => undefined)
      return done
    },
    async close() {
      await last
      kept.clear()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function writePattern(disk: Disk, content: DiskContent): Promise<void> {
  const length = Math.min(disk.size, Math.ceil(content.fill / 512) * 512)
  for (let offset = 0; offset < length; offset += MiB) {
    const piece = Buffer.alloc(Math.min(MiB, length - offset))
    fillPattern(piece, offset, { kind: 'random', seed: content.seed })
    disk.write(offset, piece)
    await setImmediate()
  }
}
