/** Where blocks go on the target host: the chunked raw import, and a VHD stream for a host that refuses it. */
import type { BlockSink, Extent } from '../block/block.ts'
import { END_FRAME, FRAME_HEADER_BYTES, FRAME_MAX_BYTES, frameHeader } from '../block/chunked-frame.ts'
import { planVhd } from '../vhd/plan-vhd.ts'
import { VhdStreamWriter } from '../vhd/write-vhd.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'

/** PUT /import_raw_vdi?format=raw&chunked: any order, any granule of 512 bytes, nothing else of the disk is touched. */
export async function openChunkedSink(xapi: Xapi, vdi: Ref<'VDI'>, signal: AbortSignal): Promise<BlockSink> {
  const stream = await xapi.importVdi({ vdi, format: 'raw', chunked: true, signal })
  let bytesSent = 0
  return {
    kind: 'chunked-raw',
    // Several at once into one disk are accepted by a real host and come out right.
    overlaps: true,
    get bytesSent() {
      return bytesSent
    },
    async write(offset, data) {
      const buffers: Buffer[] = []
      for (let at = 0; at < data.length; at += FRAME_MAX_BYTES) {
        const piece = data.subarray(at, at + FRAME_MAX_BYTES)
        buffers.push(frameHeader(offset + at, piece.length), piece)
        bytesSent += FRAME_HEADER_BYTES + piece.length
      }
      await stream.write(...buffers)
    },
    async finish() {
      await stream.write(END_FRAME)
      bytesSent += END_FRAME.length
      await stream.finish()
    },
    abort: () => stream.abort(),
  }
}

/**
 * A VHD stream. It needs to know beforehand what will be written; what arrives out of order is held (a copy) until its turn, which is
 * no more than the source reads ahead.
 */
export async function openVhdSink(
  xapi: Xapi,
  vdi: Ref<'VDI'>,
  layout: { readonly size: number; readonly extents: readonly Extent[] },
  signal: AbortSignal,
): Promise<BlockSink> {
  const plan = planVhd(layout)
  const writer = new VhdStreamWriter(plan)
  /** By offset; a number stands for so many bytes that are left out. */
  const held = new Map<number, Buffer | number>()
  let current = 0
  let next = layout.extents[0]?.offset ?? layout.size
  const stream = await xapi.importVdi({ vdi, format: 'vhd', length: plan.length, signal })

  async function put(offset: number, data: Buffer | number): Promise<void> {
    const ready = typeof data === 'number' ? [] : writer.write(offset, data)
    if (ready.length > 0) await stream.write(...ready)
    next = offset + (typeof data === 'number' ? data : data.length)
    for (
      let extent = layout.extents[current];
      extent !== undefined && next >= extent.offset + extent.length;
      extent = layout.extents[current]
    ) {
      current++
      next = Math.max(next, layout.extents[current]?.offset ?? layout.size)
    }
  }

  async function take(offset: number, data: Buffer | number): Promise<void> {
    if (offset !== next) {
      held.set(offset, typeof data === 'number' ? data : Buffer.from(data))
      return
    }
    await put(offset, data)
    for (let waiting = held.get(next); waiting !== undefined; waiting = held.get(next)) {
      held.delete(next)
      await put(next, waiting)
    }
  }

  return {
    kind: 'vhd-stream',
    get bytesSent() {
      return writer.bytesGiven
    },
    write: take,
    pass: take,
    async finish() {
      if (held.size > 0) throw new Error(`${held.size} blocks never got their turn in the VHD stream`)
      if (current < layout.extents.length) throw new Error(`the VHD stream lacks what was to come at byte ${next}`)
      await stream.write(...writer.finish())
      await stream.finish()
    },
    abort: () => stream.abort(),
  }
}
