/** Raw uploads as XAPI's transfer tool takes them (`serve_raw_to_raw` and `serve_chunked_to_raw`, xen-api ocaml/vhd-tool/src/impl.ml). */
import type { BlockDevice } from './block-device.ts'
import type { PercentReport } from './percent.ts'
import { ToolBuffer, ToolFailure, type ToolInput } from './tool-input.ts'

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
  const buffer = new ToolBuffer(BUFFER_BYTES)
  for (let offset = 0; offset < total; ) {
    const wanted = Math.min(BUFFER_BYTES, total - offset)
    const rounded = Math.ceil(wanted / SECTOR) * SECTOR
    if (rounded !== wanted) buffer.load(device.read(offset, rounded))
    await buffer.fill(input, wanted)
    await device.write(offset, buffer.view(rounded))
    offset += wanted
    report(offset, total)
  }
}

/**
 * Takes frames of (offset u64, length i32, data), little-endian and back to back, until the frame of offset 0 and length 0; what
 * the request says of its length is not looked at. Reports no progress, as the tool doesn't.
 */
export async function receiveFrames(input: ToolInput, device: BlockDevice): Promise<void> {
  const header = new ToolBuffer(FRAME_HEADER_BYTES)
  const buffer = new ToolBuffer(BUFFER_BYTES)
  for (;;) {
    const frame = await header.fill(input, FRAME_HEADER_BYTES)
    const begin = frame.readBigInt64LE(0)
    let left = frame.readInt32LE(8)
    if (begin === 0n && left === 0) return
    if (left < 0) throw new ToolFailure('the length of a frame is a signed number')
    // Offsets that a plain number can't hold exactly are far beyond any device; the write refuses them.
    let offset = Number(begin)
    do {
      const length = Math.min(BUFFER_BYTES, left)
      await device.write(offset, await buffer.fill(input, length))
      offset += length
      left -= length
    } while (left > 0)
  }
}
