/** Raw uploads as XAPI's transfer tool takes them (`serve_raw_to_raw` and `serve_chunked_to_raw`, xen-api ocaml/vhd-tool/src/impl.ml). */
import type { BlockDevice } from './block-device.ts'
import type { PercentReport } from './percent.ts'
import { ToolFailure, type ToolInput } from './tool-input.ts'

const SECTOR = 512
const BUFFER_BYTES = 2 << 20
const FRAME_HEADER_BYTES = 12

/**
 * Takes exactly `length` bytes (default: the size of the device) in pieces of 2 MiB. An odd tail is merged with the sector that is
 * there. No bytes at all can't be taken: ToolFailure.
 */
export async function receiveRaw(input: ToolInput, device: BlockDevice, length: number | undefined, report: PercentReport): Promise<void> {
  const total = length ?? device.size
  if (total === 0) throw new ToolFailure('a size other than zero is needed')
  const buffer = Buffer.alloc(Math.min(BUFFER_BYTES, Math.ceil(total / SECTOR) * SECTOR))
  for (let offset = 0; offset < total; ) {
    const wanted = Math.min(BUFFER_BYTES, total - offset)
    const rounded = Math.ceil(wanted / SECTOR) * SECTOR
    if (rounded !== wanted) device.read(offset, rounded).copy(buffer)
    await input.fill(buffer.subarray(0, wanted))
    await device.write(offset, buffer.subarray(0, rounded))
    offset += wanted
    report(offset, total)
  }
}

/**
 * Takes frames of (offset u64, length i32, data), little-endian and back to back, until the frame of offset 0 and length 0; what
 * the request says of its length is not looked at. Reports no progress, as the tool doesn't.
 */
export async function receiveFrames(input: ToolInput, device: BlockDevice): Promise<void> {
  // Both are used again and again: what an incomplete read leaves in them is visible. Of the buffer there is as much as was needed so far.
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  let buffer = Buffer.alloc(64 << 10)
  for (;;) {
    await input.fill(header)
    const begin = header.readBigInt64LE(0)
    let left = header.readInt32LE(8)
    if (begin === 0n && left === 0) return
    if (left < 0) throw new ToolFailure('the length of a frame is a signed number')
    // Offsets that a plain number can't hold exactly are far beyond any device; the write refuses them.
    let offset = Number(begin)
    do {
      const wanted = Math.min(BUFFER_BYTES, left)
      if (wanted > buffer.length) buffer = grown(buffer, wanted)
      const data = buffer.subarray(0, wanted)
      await input.fill(data)
      await device.write(offset, data)
      offset += data.length
      left -= data.length
    } while (left > 0)
  }
}

/** Zeroes after what the buffer held, at least twice as long. */
function grown(buffer: Buffer<ArrayBuffer>, least: number): Buffer<ArrayBuffer> {
  const more = Buffer.alloc(Math.min(BUFFER_BYTES, Math.max(least, 2 * buffer.length)))
  buffer.copy(more)
  return more
}
