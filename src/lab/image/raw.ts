import type { FileHandle } from 'node:fs/promises'
import type { DiskImage, ImageBlock } from './image.ts'
import { nonZeroRuns } from './non-zero-runs.ts'
import { readUpTo } from './read-at.ts'

const pieceSize = 1024 * 1024

/**
 * The first `size` bytes of a file as a disk. Zeroes are read and left out: Node has no SEEK_DATA, and a hole of a sparse
 * file reads at memory speed.
 */
export function rawImage(file: FileHandle, size: number): DiskImage {
  return { format: 'raw', size, blocks: () => blocksOf(file, size), close: () => file.close() }
}

async function* blocksOf(file: FileHandle, size: number): AsyncGenerator<ImageBlock> {
  const buffer = Buffer.allocUnsafe(pieceSize)
  for (let offset = 0; offset < size; offset += pieceSize) {
    const held = Math.min(pieceSize, size - offset)
    await readUpTo(file, buffer.subarray(0, held), offset)
    const padded = Math.ceil(held / 512) * 512
    buffer.fill(0, held, padded)
    for (const [start, end] of nonZeroRuns(buffer.subarray(0, padded))) {
      yield { offset: offset + start, data: buffer.subarray(start, end) }
    }
  }
}
