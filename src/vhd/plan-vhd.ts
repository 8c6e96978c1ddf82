/** Lays a dynamic or differencing VHD out before its data is there: which blocks, where, and how long the whole will be. */
import type { Extent } from '../block/block.ts'
import { bitmapBytes, tableBytes, UNUSED } from './block-table.ts'
import { VhdError } from './error.ts'
import { encodeFooter, FOOTER_BYTES, SECTOR } from './footer.ts'
import { DEFAULT_BLOCK_SIZE, encodeHeader, type VhdParent } from './header.ts'

/** Bytes of data in a block that we write. XAPI's import puts other sizes in the wrong place and reports success. */
export const BLOCK_SIZE = DEFAULT_BLOCK_SIZE
export const BITMAP_BYTES = bitmapBytes(BLOCK_SIZE)
const TABLE_OFFSET = 2048
/** Entries of the table hold 32-bit sector numbers: nothing can begin at or beyond this. */
const END_OF_ADDRESSES = UNUSED * SECTOR

export interface VhdPlanRequest {
  /** Virtual size in bytes, a multiple of 512. */
  readonly size: number
  /** Given: a differencing disk of that parent. */
  readonly parent?: VhdParent
  /** What will be written: any order, may overlap; every block touched gets a place. */
  readonly extents?: Iterable<Extent>
  /** Indices of further blocks of 2 MiB that get a place. */
  readonly blocks?: Iterable<number>
  /** Identity of the disk; default: a new one. */
  readonly uuid?: string
  readonly created?: Date
}

export interface VhdPlan {
  readonly kind: 'dynamic' | 'differencing'
  readonly size: number
  /** Bytes of the whole stream, exactly. */
  readonly length: number
  /** Blocks of 2 MiB that have a place, ascending. */
  readonly blocks: readonly number[]
  /** What stands before the first block: footer copy, header, an empty sector, block table from byte 2048. */
  readonly head: Buffer
  readonly footer: Buffer
}

/** Plans a stream. Throws VhdError `not-planned` for a size or extents that no VHD can have. */
export function planVhd(request: VhdPlanRequest): VhdPlan {
  const { size, parent, uuid, created } = request
  if (!Number.isSafeInteger(size) || size <= 0 || size % SECTOR !== 0)
    throw new VhdError('not-planned', 0, `a disk of ${size} bytes is not possible`)
  const tableEntries = Math.ceil(size / BLOCK_SIZE)
  const blocks = [...touchedBlocks(request, size)].sort((a, b) => a - b)
  const firstPlace = TABLE_OFFSET + tableBytes(tableEntries)
  const length = firstPlace + blocks.length * (BITMAP_BYTES + BLOCK_SIZE) + FOOTER_BYTES
  if (length > END_OF_ADDRESSES) throw new VhdError('not-planned', 0, `${blocks.length} blocks are more than a VHD can hold`)
  const kind = parent ? 'differencing' : 'dynamic'
  const footer = encodeFooter({ kind, size, ...(uuid && { uuid }), ...(created && { created }) })
  const head = Buffer.alloc(firstPlace)
  footer.copy(head, 0)
  encodeHeader({ tableOffset: TABLE_OFFSET, tableEntries, blockSize: BLOCK_SIZE, parent }).copy(head, FOOTER_BYTES)
  head.fill(0xff, TABLE_OFFSET)
  blocks.forEach((index, nth) => {
    head.writeUInt32BE((firstPlace + nth * (BITMAP_BYTES + BLOCK_SIZE)) / SECTOR, TABLE_OFFSET + index * 4)
  })
  return { kind, size, length, blocks, head, footer }
}

function touchedBlocks({ extents = [], blocks = [] }: VhdPlanRequest, size: number): Set<number> {
  const touched = new Set<number>()
  for (const { offset, length } of extents) {
    if (!(offset >= 0 && length > 0 && offset + length <= size && offset % SECTOR === 0 && length % SECTOR === 0))
      throw new VhdError('not-planned', offset, `an extent of ${length} bytes there does not fit the disk or its sectors`)
    const last = Math.floor((offset + length - 1) / BLOCK_SIZE)
    for (let index = Math.floor(offset / BLOCK_SIZE); index <= last; index++) touched.add(index)
  }
  for (const index of blocks) {
    if (!Number.isInteger(index) || index < 0 || index * BLOCK_SIZE >= size)
      throw new VhdError('not-planned', index * BLOCK_SIZE, `there is no block ${index}`)
    touched.add(index)
  }
  return touched
}
