import type { FileHandle } from 'node:fs/promises'
import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { type DiskImage, type ImageBlock, ImageError } from './image.ts'
import { nonZeroRuns } from './non-zero-runs.ts'
import { parseQcow2Header, type Qcow2Header, qcow2HeaderSize } from './qcow2-header.ts'
import { readExactly, readUpTo } from './read-at.ts'
import { zstdFrameLength } from './zstd-frame.ts'

const offsetMask = 0x00ff_ffff_ffff_fe00n
const compressedBit = 1n << 62n
const zeroBit = 1n
/** Clusters that lie side by side in the file are read together up to this. */
const pieceSize = 1024 * 1024

/**
 * A qcow2 image (version 2 or 3, no backing file, encryption, external data or subclusters; compressed clusters are read).
 * Snapshots inside it are ignored: what is read is the disk as it is. Holds the L1 table and one L2 table in memory.
 * The layout is that of QEMU's docs/interop/qcow2.txt. Throws ImageError for what it can't read.
 */
export async function qcow2Image(file: FileHandle): Promise<DiskImage> {
  const first = Buffer.alloc(qcow2HeaderSize)
  await readUpTo(file, first, 0)
  const header = parseQcow2Header(first)
  const l1 = await readExactly(file, header.l1Offset, header.l1Entries * 8, 'L1 table')
  return { format: 'qcow2', size: header.size, blocks: () => blocksOf(file, header, l1), close: () => file.close() }
}

async function* blocksOf(file: FileHandle, header: Qcow2Header, l1: Buffer): AsyncGenerator<ImageBlock> {
  const clusterSize = 2 ** header.clusterBits
  const entriesPerTable = clusterSize / 8
  const clusters = Math.ceil(header.size / clusterSize)
  const buffer = Buffer.allocUnsafe(Math.min(Math.max(pieceSize, clusterSize), clusters * clusterSize))
  for (let table = 0; table * entriesPerTable < clusters; table++) {
    const l2Offset = Number(l1.readBigUInt64BE(table * 8) & offsetMask)
    if (l2Offset === 0) continue
    const l2 = await readExactly(file, l2Offset, clusterSize, 'L2 table')
    const entries = Math.min(entriesPerTable, clusters - table * entriesPerTable)
    for (let index = 0; index < entries; ) {
      const entry = l2.readBigUInt64BE(index * 8)
      const offset = (table * entriesPerTable + index) * clusterSize
      let data: Buffer
      if (entry & compressedBit) {
        data = await readCompressed(file, header, entry)
        index++
      } else {
        const start = hostOffset(entry, header)
        if (start === 0) {
          index++
          continue
        }
        let count = 1
        while (index + count < entries && (count + 1) * clusterSize <= buffer.length) {
          const next = l2.readBigUInt64BE((index + count) * 8)
          if (next & compressedBit || hostOffset(next, header) !== start + count * clusterSize) break
          count++
        }
        data = buffer.subarray(0, count * clusterSize)
        // The last cluster of a file may be shorter than a cluster: the rest of it is zeroes.
        await readUpTo(file, data, start)
        index += count
      }
      const held = data.subarray(0, Math.min(data.length, Math.ceil((header.size - offset) / 512) * 512))
      for (const [from, to] of nonZeroRuns(held)) yield { offset: offset + from, data: held.subarray(from, to) }
    }
  }
}

/** Where a plain cluster lies in the file; 0: it is not there, or zero. */
function hostOffset(entry: bigint, header: Qcow2Header): number {
  if (header.version === 3 && entry & zeroBit) return 0
  const offset = Number(entry & offsetMask)
  if (offset % 2 ** header.clusterBits !== 0) throw new ImageError('broken qcow2 image: a cluster is not aligned')
  return offset
}

async function readCompressed(file: FileHandle, header: Qcow2Header, entry: bigint): Promise<Buffer> {
  const offsetBits = BigInt(62 - (header.clusterBits - 8))
  const start = Number(entry & ((1n << offsetBits) - 1n))
  const sectors = Number((entry & (compressedBit - 1n)) >> offsetBits) + 1
  const packed = Buffer.allocUnsafe(sectors * 512 - (start % 512))
  // The last compressed cluster of a file needs not fill its last sector.
  const found = await readUpTo(file, packed, start)
  const clusterSize = 2 ** header.clusterBits
  try {
    const data =
      header.compression === 'zlib' ? unzip(packed.subarray(0, found), clusterSize) : unzstd(packed.subarray(0, found), clusterSize)
    if (data.length === clusterSize) return data
  } catch (error) {
    throw new ImageError('broken qcow2 image: a compressed cluster can not be unpacked', { cause: error })
  }
  throw new ImageError('broken qcow2 image: a compressed cluster is too short')
}

function unzip(packed: Buffer, clusterSize: number): Buffer {
  return inflateRawSync(packed, { maxOutputLength: clusterSize })
}

function unzstd(packed: Buffer, clusterSize: number): Buffer {
  return zstdDecompressSync(packed.subarray(0, zstdFrameLength(packed)), { maxOutputLength: clusterSize })
}
