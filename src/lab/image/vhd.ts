import type { FileHandle } from 'node:fs/promises'
import { VhdError } from '../../vhd/error.ts'
import { readVhd } from '../../vhd/read-vhd.ts'
import { type DiskImage, type ImageBlock, ImageError } from './image.ts'
import { nonZeroRuns } from './non-zero-runs.ts'

/** A dynamic or fixed VHD; `length` is the file's. A differencing one is refused, since its parent's data is elsewhere. */
export async function vhdImage(file: FileHandle, length: number): Promise<DiskImage> {
  const chunks = file.createReadStream({ start: 0, highWaterMark: 1024 * 1024, autoClose: false }) as AsyncIterable<Buffer>
  const reader = await readVhd(chunks, { length }).catch(asImageError)
  const close = async () => {
    await reader.close()
    await file.close()
  }
  if (reader.kind === 'differencing') {
    await reader.close()
    throw new ImageError(
      'this VHD is a differencing one: its other part is in its parent; flatten it first (qemu-img convert -O vpc IN OUT)',
    )
  }
  async function* blocks(): AsyncGenerator<ImageBlock> {
    try {
      for await (const { offset, data } of reader.blocks()) {
        for (const [start, end] of nonZeroRuns(data)) yield { offset: offset + start, data: data.subarray(start, end) }
      }
    } catch (error) {
      asImageError(error)
    }
  }
  return { format: 'vhd', size: reader.size, blocks, close }
}

function asImageError(error: unknown): never {
  if (error instanceof VhdError) throw new ImageError(`this VHD can not be read: ${error.message}`, { cause: error })
  throw error
}
