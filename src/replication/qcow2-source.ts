/**
 * Disks beyond 2040 GiB, and those that are qcow2 images: a VHD can't hold the former, and XAPI tells nothing of the latter in one. An
 * export as qcow2 has its tables first: they say what is allocated, 64 KiB at a time, before any data.
 */
import type { Block, BlockSource, Extent, ReadOptions } from '../block/block.ts'
import { clamp, totalLength } from '../block/extents.ts'
import { type Qcow2Reader, readQcow2 } from '../qcow2/read-qcow2.ts'
import type { Ref } from '../xapi/ref.ts'
import type { ExportStream, Xapi } from '../xapi/xapi.ts'
import { inside } from './vhd-source.ts'

/** Largest disk that XAPI exports as VHD (max_vhd_size in xen-api ocaml/xapi-consts/constants.ml). */
export const LARGEST_VHD = 2040 * 2 ** 30

interface Opened {
  readonly stream: ExportStream
  readonly image: Qcow2Reader
}

async function open(xapi: Xapi, vdi: Ref<'VDI'>, base: Ref<'VDI'> | undefined, signal: AbortSignal): Promise<Opened> {
  const stream = await xapi.exportVdi({ vdi, format: 'qcow2', signal, ...(base === undefined ? {} : { base }) })
  try {
    return { stream, image: await readQcow2(stream.chunks) }
  } catch (error) {
    await stream.close()
    throw error
  }
}

/** What any image of a disk's chain holds, read from the tables of an export that is then broken off. */
export async function readQcow2Extents(
  xapi: Xapi,
  vdi: Ref<'VDI'>,
  signal: AbortSignal,
): Promise<{ extents: readonly Extent[]; bytesRead: number }> {
  const { stream, image } = await open(xapi, vdi, undefined, signal)
  try {
    return { extents: image.allocated, bytesRead: image.bytesRead }
  } finally {
    await image.close()
    await stream.close()
  }
}

/** As `openVhdSource`, of an export as qcow2. With `base` the host compares both disks, cluster by cluster. */
export async function openQcow2Source(
  xapi: Xapi,
  request: { readonly vdi: Ref<'VDI'>; readonly base?: Ref<'VDI'>; readonly only?: readonly Extent[]; readonly signal: AbortSignal },
): Promise<BlockSource> {
  const { vdi, base, only, signal } = request
  const { stream, image } = await open(xapi, vdi, base, signal)
  return {
    kind: only !== undefined ? 'cbt+qcow2-export' : base === undefined ? 'qcow2-export' : 'qcow2-delta',
    size: image.size,
    expected: totalLength(only === undefined ? image.allocated : clamp(only, image.size)),
    get bytesRead() {
      return image.bytesRead
    },
    async *blocks({ budget, signal: stop }: ReadOptions): AsyncGenerator<Block> {
      for await (const { offset, data } of image.blocks()) {
        for (const piece of only === undefined ? [{ offset, length: data.length }] : inside(only, offset, data.length)) {
          const release = await budget.take(piece.length, stop)
          yield { offset: piece.offset, data: data.subarray(piece.offset - offset, piece.offset - offset + piece.length), release }
        }
      }
      await stream.finished()
    },
    async close() {
      await image.close()
      await stream.close()
    },
  }
}
