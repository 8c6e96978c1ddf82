import { ImageError } from './image.ts'

/**
 * Bytes that the Zstandard frame at the start of `packed` takes (RFC 8878, 3.1.1). A qcow2 image rounds the place of a
 * compressed cluster up to sectors, so that the next cluster's frame may follow, which Node would try to unpack too.
 */
export function zstdFrameLength(packed: Buffer): number {
  if (packed.length < 6 || packed.readUInt32LE(0) !== 0xfd2fb528) throw new ImageError('no Zstandard frame')
  const descriptor = packed.readUInt8(4)
  const singleSegment = (descriptor >> 5) & 1
  const contentSizeBytes = [singleSegment, 2, 4, 8][descriptor >> 6] as number
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number
  let at = 5 + (1 - singleSegment) + dictionaryBytes + contentSizeBytes
  for (let last = false; !last; ) {
    if (at + 3 > packed.length) throw new ImageError('a Zstandard frame that does not end')
    const header = packed.readUIntLE(at, 3)
    last = (header & 1) === 1
    const repeated = ((header >> 1) & 3) === 1
    at += 3 + (repeated ? 1 : header >> 3)
  }
  return at + (descriptor & 4 ? 4 : 0)
}
