import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Extent } from '../../block/block.ts'
import { isZero, runGranule } from '../image/non-zero-runs.ts'
import type { Disk } from '../pool.ts'

const pieceSize = 1024 * 1024
const zeroes = Buffer.alloc(pieceSize)

export interface DiskHash {
  /** SHA-256 in hexadecimal. */
  readonly sha256: string
  /** Bytes that the hash stands for. */
  readonly bytes: number
}

/** SHA-256 of the ranges' bytes, one after the other (default: the whole disk). Goes through 1 MiB at a time. */
export async function hashDisk(
  disk: Disk,
  extents: readonly Extent[] = [{ offset: 0, length: disk.size }],
  signal?: AbortSignal,
): Promise<DiskHash> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(pieceSize)
  let bytes = 0
  for (const { offset, length } of extents) {
    for (let at = offset; at < offset + length; at += pieceSize) {
      signal?.throwIfAborted()
      const piece = buffer.subarray(0, Math.min(pieceSize, offset + length - at))
      if (disk.holdsData(at, piece.length)) {
        disk.readInto(piece, at)
        hash.update(piece)
      } else hash.update(zeroes.subarray(0, piece.length))
      bytes += piece.length
      await setImmediate()
    }
  }
  return { sha256: hash.digest('hex'), bytes }
}

/**
 * A hash that costs what the disk holds, for huge empty disks: SHA-256 over each granule of 64 KiB that is not all zeroes,
 * ascending, as its offset (8 bytes, big-endian) and then its bytes; and last, the disk's size (8 bytes). Two disks of one size have
 * the same bytes exactly when these hashes are equal, however they are stored.
 */
export async function hashHeldData(disk: Disk, signal?: AbortSignal): Promise<DiskHash> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(pieceSize)
  const number = Buffer.alloc(8)
  let next = 0
  for (const extent of disk.allocatedExtents()) {
    const end = Math.min(disk.size, Math.ceil((extent.offset + extent.length) / runGranule) * runGranule)
    for (let at = Math.max(next, Math.floor(extent.offset / runGranule) * runGranule); at < end; at += pieceSize) {
      signal?.throwIfAborted()
      const piece = buffer.subarray(0, Math.min(pieceSize, end - at))
      disk.readInto(piece, at)
      for (let start = 0; start < piece.length; start += runGranule) {
        const granule = piece.subarray(start, start + runGranule)
        if (isZero(granule)) continue
        number.writeBigUInt64BE(BigInt(at + start))
        hash.update(number).update(granule)
      }
      next = at + piece.length
      await setImmediate()
    }
  }
  number.writeBigUInt64BE(BigInt(disk.size))
  return { sha256: hash.update(number).digest('hex'), bytes: disk.size }
}
