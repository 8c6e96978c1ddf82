/** Blocks of a VHD export as XAPI streams it: all of them, or those that lie in given extents. */
import type { Block, BlockSource, Extent, ReadOptions } from '../block/block.ts'
import { clamp, extentsOfBlocks, totalLength } from '../block/extents.ts'
import { readVhd, type SparseVhd } from '../vhd/read-vhd.ts'
import type { Ref } from '../xapi/ref.ts'
import type { ExportStream, Xapi } from '../xapi/xapi.ts'

interface OpenExport {
  readonly stream: ExportStream
  readonly vhd: SparseVhd
}

async function openExport(xapi: Xapi, vdi: Ref<'VDI'>, base: Ref<'VDI'> | undefined, signal: AbortSignal): Promise<OpenExport> {
  const stream = await xapi.exportVdi({ vdi, format: 'vhd', signal, ...(base === undefined ? {} : { base }) })
  try {
    const vhd = await readVhd(stream.chunks)
    if (vhd.kind === 'fixed') throw new Error('the host exported a fixed VHD')
    return { stream, vhd }
  } catch (error) {
    await stream.close()
    throw error
  }
}

/** Extents that any image of a disk's chain holds (2 MiB blocks), read from the block table of an export that is then broken off. */
export async function readAllocatedExtents(
  xapi: Xapi,
  vdi: Ref<'VDI'>,
  signal: AbortSignal,
): Promise<{ extents: Extent[]; bytesRead: number }> {
  const { stream, vhd } = await openExport(xapi, vdi, undefined, signal)
  try {
    return { extents: extentsOfBlocks(vhd.allocatedBlocks, vhd.blockSize, vhd.size), bytesRead: vhd.bytesRead }
  } finally {
    await vhd.close()
    await stream.close()
  }
}

/**
 * A source that reads a VHD export: with `base` what differs from it. `only` leaves out the rest (the stream is read whole all
 * the same). Throws what the export throws when it can't be opened.
 */
export async function openVhdSource(
  xapi: Xapi,
  request: { readonly vdi: Ref<'VDI'>; readonly base?: Ref<'VDI'>; readonly only?: readonly Extent[]; readonly signal: AbortSignal },
): Promise<BlockSource> {
  const { vdi, base, only, signal } = request
  const { stream, vhd } = await openExport(xapi, vdi, base, signal)
  const whole = extentsOfBlocks(vhd.allocatedBlocks, vhd.blockSize, vhd.size)
  return {
    kind: base === undefined ? (only === undefined ? 'vhd-export' : 'cbt+vhd-export') : 'vhd-delta',
    size: vhd.size,
    expected: totalLength(only === undefined ? whole : clamp(only, vhd.size)),
    get bytesRead() {
      return vhd.bytesRead
    },
    async *blocks({ budget, signal: stop }: ReadOptions): AsyncGenerator<Block> {
      for await (const { offset, data } of vhd.blocks()) {
        for (const piece of only === undefined ? [{ offset, length: data.length }] : inside(only, offset, data.length)) {
          // The memory is taken already; the budget makes this stream wait its turn with the others.
          const release = await budget.take(piece.length, stop)
          yield { offset: piece.offset, data: data.subarray(piece.offset - offset, piece.offset - offset + piece.length), release }
        }
      }
      await stream.finished()
    },
    async close() {
      await vhd.close()
      await stream.close()
    },
  }
}

/** Parts of `[offset, offset + length)` that lie in `extents` (ascending), found by bisection. */
export function* inside(extents: readonly Extent[], offset: number, length: number): Generator<Extent> {
  let low = 0
  let high = extents.length
  while (low < high) {
    const middle = (low + high) >> 1
    const { offset: start, length: long } = extents[middle] as Extent
    if (start + long <= offset) low = middle + 1
    else high = middle
  }
  for (let i = low; i < extents.length; i++) {
    const extent = extents[i] as Extent
    if (extent.offset >= offset + length) return
    const from = Math.max(offset, extent.offset)
    yield { offset: from, length: Math.min(offset + length, extent.offset + extent.length) - from }
  }
}
