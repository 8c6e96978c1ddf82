/** The block allocation table (BAT) and the sector bitmaps of dynamic and differencing VHDs. */
import { VhdError } from './error.ts'
import { SECTOR } from './footer.ts'

/** A table entry of a block that isn't in the file. */
export const UNUSED = 0xffff_ffff

/** Bytes of a block's sector bitmap: one bit a sector, padded to whole sectors. */
export function bitmapBytes(blockSize: number): number {
  return Math.ceil(blockSize / SECTOR / 8 / SECTOR) * SECTOR
}

/** Bytes of a table with that many entries, padded to whole sectors. */
export function tableBytes(entries: number): number {
  return Math.ceil((entries * 4) / SECTOR) * SECTOR
}

/** A block that is in the file. */
export interface PlacedBlock {
  /** Which block of the disk: its data begins at `index * blockSize` there. */
  readonly index: number
  /** Byte offset of its bitmap in the file. */
  readonly place: number
}

export interface TableLimits {
  readonly entries: number
  readonly blockSize: number
  /** Bytes of the disk. */
  readonly size: number
  /** First byte of the file that a block may take: a stream can't be read backwards. */
  readonly firstPlace: number
  /** Where the table begins in the file, for errors. */
  readonly tableOffset: number
}

/**
 * The blocks of a table in the order in which they lie in the file. Throws VhdError `bad-table` when two overlap, one lies before
 * `firstPlace`, or a block wholly beyond the end of the disk is in the file.
 */
export function placedBlocks(table: Buffer, limits: TableLimits): PlacedBlock[] {
  const { entries, blockSize, size, firstPlace, tableOffset } = limits
  const used = Math.ceil(size / blockSize)
  const blocks: PlacedBlock[] = []
  for (let index = 0; index < entries; index++) {
    const sector = table.readUInt32BE(index * 4)
    if (sector === UNUSED) continue
    if (index >= used) throw new VhdError('bad-table', tableOffset + index * 4, `block ${index} is beyond the end of the disk`)
    blocks.push({ index, place: sector * SECTOR })
  }
  blocks.sort((a, b) => a.place - b.place)
  const length = bitmapBytes(blockSize) + blockSize
  let free = firstPlace
  for (const { index, place } of blocks) {
    if (place < free) throw new VhdError('bad-table', tableOffset + index * 4, `block ${index} lies over something else in the file`)
    free = place + length
  }
  return blocks
}

/** A run of sectors inside a block, counted from the start of the block. */
export interface SectorRun {
  readonly first: number
  readonly count: number
}

/** Runs of sectors whose bit is set, ascending and merged. The most significant bit of a byte is its first sector. */
export function* setRuns(bitmap: Buffer, sectors: number): Generator<SectorRun> {
  let first = 0
  while (first < sectors) {
    first = nextSector(bitmap, first, sectors, true)
    if (first === sectors) return
    const end = nextSector(bitmap, first, sectors, false)
    yield { first, count: end - first }
    first = end
  }
}

/** First sector from `at` on whose bit is as wanted; `sectors` when there is none. Whole bytes are passed over at once. */
export function nextSector(bitmap: Buffer, at: number, sectors: number, wanted: boolean): number {
  const opposite = wanted ? 0x00 : 0xff
  while (at < sectors) {
    const byte = bitmap[at >>> 3] as number
    if ((at & 7) === 0 && byte === opposite) at += 8
    else if (((byte & (0x80 >>> (at & 7))) !== 0) === wanted) return at
    else at++
  }
  return sectors
}

/** Sets the bits of sectors `[first, first + count)`. */
export function setSectors(bitmap: Buffer, first: number, count: number): void {
  const end = first + count
  let at = first
  while (at < end) {
    if ((at & 7) === 0 && end - at >= 8) {
      const whole = (end - at) >>> 3
      bitmap.fill(0xff, at >>> 3, (at >>> 3) + whole)
      at += whole * 8
    } else {
      bitmap[at >>> 3] = (bitmap[at >>> 3] as number) | (0x80 >>> (at & 7))
      at++
    }
  }
}
