/**
 * The framing of XAPI's chunked raw import: frames of offset (u64 LE), length (u32 LE), data, ended by a frame of offset 0
 * and length 0. Source: ocaml/vhd-tool/src/chunked.ml of xapi-project/xen-api. Offsets and lengths are multiples of 512.
 */

export const FRAME_HEADER_BYTES = 12
/** The server takes the length as a signed 32-bit number and reads in 2 MiB pieces; longer frames bring nothing. */
export const FRAME_MAX_BYTES = 4 * 1024 * 1024
const SECTOR = 512

export const END_FRAME: Buffer = Buffer.alloc(FRAME_HEADER_BYTES)

/** The header in front of `length` bytes for `offset`. RangeError when the server would refuse it. */
export function frameHeader(offset: number, length: number): Buffer {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset % SECTOR !== 0)
    throw new RangeError(`frame offset ${offset} is no multiple of 512`)
  if (length <= 0 || length % SECTOR !== 0 || length > FRAME_MAX_BYTES) {
    throw new RangeError(`frame length ${length} is no multiple of 512 up to ${FRAME_MAX_BYTES}`)
  }
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
  header.writeUInt32LE(offset % 2 ** 32, 0)
  header.writeUInt32LE(Math.floor(offset / 2 ** 32), 4)
  header.writeUInt32LE(length, 8)
  return header
}
