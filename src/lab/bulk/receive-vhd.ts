/** VHD uploads as XAPI's transfer tool takes them (`serve_vhd_to_raw` in ocaml/vhd-tool/src/impl.ml, `From_input.openstream` in f.ml). */
import { nextSector, tableBytes, UNUSED } from '../../vhd/block-table.ts'
import { VhdError } from '../../vhd/error.ts'
import { decodeFooter, FOOTER_BYTES, SECTOR } from '../../vhd/footer.ts'
import { decodeHeader, HEADER_BYTES, type VhdHeader } from '../../vhd/header.ts'
import type { BlockDevice } from './block-device.ts'
import type { PercentReport } from './percent.ts'
import { ToolFailure, type ToolInput } from './tool-input.ts'

/** More than any disk of 2040 GiB needs (4 MiB); the real tool takes whatever memory it is told to. */
const MAX_TABLE_BYTES = 16 << 20
const MAX_BLOCK_BYTES = 256 << 20
const PIECE_BYTES = 2 << 20

/**
 * Writes the sectors whose bitmap bit is set and nothing else, in the order in which blocks lie in the stream. Parents are not looked
 * at, nor is the virtual size. `length` is that of the whole stream (default: the size of the device): the final footer is due in its
 * last sector. ToolFailure for whatever the tool fails on; what was written by then stays.
 */
export async function receiveVhd(input: ToolInput, device: BlockDevice, length: number | undefined, report: PercentReport): Promise<void> {
  const total = length ?? device.size
  if (total === 0) throw new ToolFailure('a size other than zero is needed')
  try {
    const { headerOffset } = decodeFooter(await sectors(input, FOOTER_BYTES))
    if (headerOffset === undefined) throw new ToolFailure('a fixed disk has no header')
    await input.skipTo(headerOffset)
    const header = decodeHeader(await sectors(input, HEADER_BYTES))
    if (header.tableEntries * 4 > MAX_TABLE_BYTES || header.blockSize > MAX_BLOCK_BYTES) throw new ToolFailure('out of memory')
    await input.skipTo(header.tableOffset)
    const blocks = blocksByPlace(await sectors(input, tableBytes(header.tableEntries)), header.tableEntries)
    await receiveBlocks(input, device, header, blocks, report)
    await input.skipTo(Math.floor((total - 1) / SECTOR) * SECTOR)
    decodeFooter(await sectors(input, FOOTER_BYTES))
  } catch (error) {
    throw error instanceof VhdError ? new ToolFailure(error.message) : error
  }
}

/** Reads into fresh memory of that length. */
async function sectors(input: ToolInput, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  await input.fill(bytes)
  return bytes
}

/** Sector in the file → block of the disk, by sector; of two blocks at one place the later counts. */
function blocksByPlace(table: Buffer, entries: number): [sector: number, index: number][] {
  const blocks = new Map<number, number>()
  for (let index = 0; index < entries; index++) {
    const sector = table.readUInt32BE(index * 4)
    if (sector !== UNUSED) blocks.set(sector, index)
  }
  return [...blocks].sort(([a], [b]) => a - b)
}

async function receiveBlocks(
  input: ToolInput,
  device: BlockDevice,
  { blockSize }: VhdHeader,
  blocks: readonly [sector: number, index: number][],
  report: PercentReport,
): Promise<void> {
  // The tool reads one bit a sector and no padding. For blocks below 2 MiB the data then begins too early, inside the
  // padding, and lands in the wrong place; the upload succeeds all the same.
  const bitmapLength = blockSize / SECTOR / 8
  if (bitmapLength < 1) throw new ToolFailure('blocks of less than eight sectors')
  const count = blockSize / SECTOR
  const buffer = Buffer.alloc(Math.min(blockSize, PIECE_BYTES))
  let seen = 0
  for (const [sector, index] of blocks) {
    await input.skipTo(sector * SECTOR)
    const bitmap = await sectors(input, bitmapLength)
    for (let at = 0; at < count; ) {
      const set = nextSector(bitmap, at, at + 1, true) === at
      const end = nextSector(bitmap, at, count, !set)
      for (; at < end; ) {
        const data = buffer.subarray(0, Math.min(PIECE_BYTES, (end - at) * SECTOR))
        await input.fill(data)
        if (set) await device.write(index * blockSize + at * SECTOR, data)
        at += data.length / SECTOR
      }
    }
    seen += 1
    report(seen, blocks.length)
  }
}
