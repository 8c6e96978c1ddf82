/** For fuzzing readers of VHDs: one with small blocks, so that a million rounds are a matter of minutes. */
import { bitmapBytes, tableBytes } from '../../src/vhd/block-table.ts'
import { encodeFooter, SECTOR } from '../../src/vhd/footer.ts'
import { encodeHeader } from '../../src/vhd/header.ts'
import { randomBytes } from './random-disk.ts'

/** A dynamic disk of twelve blocks, not quite filled by its size; three are in the stream, not in their order, with bitmaps by chance. */
export function smallVhd(random: (below: number) => number, blockSize: number): Buffer {
  const entries = 12
  const size = entries * blockSize - SECTOR
  const table = Buffer.alloc(tableBytes(entries), 0xff)
  const footer = encodeFooter({ kind: 'dynamic', size })
  const header = encodeHeader({ tableOffset: 2048, tableEntries: entries, blockSize })
  const blocks: Buffer[] = []
  let sector = (2048 + table.length) / SECTOR
  for (const index of [7, 0, 11]) {
    table.writeUInt32BE(sector, index * 4)
    blocks.push(randomBytes(random, bitmapBytes(blockSize)), randomBytes(random, blockSize))
    sector += (bitmapBytes(blockSize) + blockSize) / SECTOR
  }
  // The header lies where usual, then a gap.
  return Buffer.concat([footer, header, Buffer.alloc(512), table, ...blocks, footer])
}
