/** Reads VHDs from streams: dynamic and differencing ones whole, fixed ones where the length is known. */
import { bitmapBytes, type PlacedBlock, placedBlocks, setRuns } from './block-table.ts'
import { VhdError } from './error.ts'
import { decodeFooter, FOOTER_BYTES, looksLikeFooter, SECTOR, type VhdFooter, type VhdKind } from './footer.ts'
import { ForwardBytes } from './forward-bytes.ts'
import { decodeHeader, HEADER_BYTES, type VhdHeader } from './header.ts'

/** Bytes of a disk at `offset`; both are multiples of 512. The memory belongs to whoever receives it. */
export interface VhdExtent {
  readonly offset: number
  readonly data: Buffer
}

export interface ReadVhdOptions {
  /** Bytes of the whole stream, where known: without it a fixed disk can't be told from something else. */
  readonly length?: number
  /** Largest disk accepted, in bytes. Default 2 TiB, all that a VHD can address. */
  readonly maxSize?: number
  /** Largest block accepted, in bytes. Default 256 MiB. */
  readonly maxBlockSize?: number
  /** Largest block table accepted, in bytes. Default 16 MiB: 8 TiB in blocks of 2 MiB. */
  readonly maxTableBytes?: number
  /** Largest extent given, in bytes, a multiple of 512; longer runs are cut. Default 2 MiB. */
  readonly maxExtent?: number
}

interface ReadableVhd {
  readonly kind: VhdKind
  /** Virtual size in bytes. */
  readonly size: number
  /** Bytes taken from the stream so far. */
  readonly bytesRead: number
  /**
   * What the disk holds, once: extents in the order of the stream, none twice, none beyond the end of the disk. When it ends
   * without error the final footer was there and right, and the stream had ended. Leaving early closes the stream.
   */
  blocks(): AsyncGenerator<VhdExtent, void, undefined>
  /** Closes the stream. Safe more than once. */
  close(): Promise<void>
}

export interface SparseVhd extends ReadableVhd {
  readonly kind: 'dynamic' | 'differencing'
  readonly footer: VhdFooter
  readonly header: VhdHeader
  /** Bytes of data in a block. */
  readonly blockSize: number
  /** Indices of the blocks in the stream, ascending: block `i` covers the disk from `i * blockSize`. Known before any data. */
  readonly allocatedBlocks: readonly number[]
  /** Uuid of the parent's footer (differencing only). XAPI puts there the uuid of the base's VHD, not that of its VDI. */
  readonly parentUuid: string | undefined
}

/** A disk whose bytes come first and whose footer comes last: what it says is checked at the end. */
export interface FixedVhd extends ReadableVhd {
  readonly kind: 'fixed'
}

export type VhdReader = SparseVhd | FixedVhd

/**
 * Begins to read a VHD; resolves as soon as its block table is read. `blocks()` gives sectors whose bitmap bit is set, as merged
 * runs inside each block, in the order of the stream. Memory stays at about one extent and the block table, whatever the stream
 * claims. Throws VhdError: `not-a-vhd`, `bad-footer`, `bad-header`, `bad-table`, `too-large`, `not-forward`, `truncated`,
 * `unsupported`; the stream is closed then.
 */
export async function readVhd(chunks: AsyncIterable<Buffer>, options: ReadVhdOptions = {}): Promise<VhdReader> {
  const input = new ForwardBytes(chunks)
  try {
    const start = await input.take(FOOTER_BYTES, 'the first footer')
    return looksLikeFooter(start) ? await readSparse(input, start, options) : readFixed(input, start, options)
  } catch (error) {
    await input.close()
    throw error
  }
}

async function readSparse(input: ForwardBytes, start: Buffer, options: ReadVhdOptions): Promise<SparseVhd> {
  const footer = decodeFooter(start)
  const { kind, headerOffset } = footer
  if (kind === 'fixed' || headerOffset === undefined) throw new VhdError('bad-footer', 0, 'a fixed disk has its footer at the end only')
  if (footer.size > (options.maxSize ?? 2 ** 41)) throw new VhdError('too-large', 48, `a disk of ${footer.size} bytes is not accepted`)
  await input.skipTo(headerOffset, 'the header')
  const header = decodeHeader(await input.take(HEADER_BYTES, 'the header'), headerOffset)
  const { blockSize, tableEntries, tableOffset } = header
  if (blockSize > (options.maxBlockSize ?? 256 << 20))
    throw new VhdError('too-large', headerOffset + 32, `blocks of ${blockSize} bytes are not accepted`)
  if (tableEntries < Math.ceil(footer.size / blockSize))
    throw new VhdError('bad-header', headerOffset + 28, 'the block table is too small for the disk')
  if (tableEntries * 4 > (options.maxTableBytes ?? 16 << 20))
    throw new VhdError('too-large', headerOffset + 28, `a block table of ${tableEntries} entries is not accepted`)
  await input.skipTo(tableOffset, 'the block table')
  const table = await input.take(tableEntries * 4, 'the block table')
  const blocks = placedBlocks(table, { entries: tableEntries, blockSize, size: footer.size, firstPlace: input.position, tableOffset })
  return {
    kind,
    footer,
    header,
    blockSize,
    size: footer.size,
    parentUuid: kind === 'differencing' ? header.parentUuid : undefined,
    allocatedBlocks: blocks.map(({ index }) => index).sort((a, b) => a - b),
    get bytesRead() {
      return input.position
    },
    blocks: () => closing(input, sparseExtents(input, { blocks, blockSize, first: start, size: footer.size }, maxExtent(options))),
    close: () => input.close(),
  }
}

function maxExtent(options: ReadVhdOptions): number {
  const most = options.maxExtent ?? 2 << 20
  if (most < SECTOR || most % SECTOR !== 0) throw new RangeError('maxExtent is a multiple of 512')
  return most
}

/** Passes extents on and closes the stream at the end, on error, and when the receiver stops early. */
async function* closing(input: ForwardBytes, extents: AsyncGenerator<VhdExtent>): AsyncGenerator<VhdExtent, void, undefined> {
  try {
    yield* extents
  } finally {
    await input.close()
  }
}

interface SparseLayout {
  readonly blocks: readonly PlacedBlock[]
  readonly blockSize: number
  readonly size: number
  /** The first footer, which the last one has to agree with. */
  readonly first: Buffer
}

async function* sparseExtents(input: ForwardBytes, layout: SparseLayout, most: number): AsyncGenerator<VhdExtent> {
  const { blocks, blockSize, size } = layout
  for (const { index, place } of blocks) {
    await input.skipTo(place, `block ${index}`)
    const bitmap = await input.take(bitmapBytes(blockSize), `the bitmap of block ${index}`)
    const data = input.position
    const begin = index * blockSize
    // Writers set the bits of the whole last block even where the disk ends inside it.
    const sectors = Math.min(blockSize, size - begin) / SECTOR
    for (const { first, count } of setRuns(bitmap, sectors)) {
      await input.skipTo(data + first * SECTOR, `block ${index}`)
      const end = (first + count) * SECTOR
      for (let at = first * SECTOR; at < end; at += most)
        yield { offset: begin + at, data: await input.take(Math.min(most, end - at), `block ${index}`) }
    }
    await input.skipTo(data + blockSize, `the end of block ${index}`)
  }
  await checkFinalFooter(input, layout)
}

/** The last 512 bytes of the stream have to be a footer that agrees with the first. */
async function checkFinalFooter(input: ForwardBytes, layout: SparseLayout): Promise<void> {
  const begin = input.position
  let tail = Buffer.alloc(0)
  for (;;) {
    const piece = await input.some(1 << 20)
    if (piece.length === 0) break
    tail = Buffer.from(Buffer.concat([tail, piece]).subarray(-FOOTER_BYTES))
  }
  if (tail.length < FOOTER_BYTES) throw new VhdError('truncated', begin + tail.length, 'the stream ends without its final footer')
  const first = decodeFooter(layout.first)
  const last = decodeFooter(tail, input.position - FOOTER_BYTES, 'bad-final-footer')
  if (last.uuid !== first.uuid || last.size !== first.size || last.kind !== first.kind)
    throw new VhdError('bad-final-footer', input.position - FOOTER_BYTES, 'the final footer is that of another disk')
}

function readFixed(input: ForwardBytes, start: Buffer, options: ReadVhdOptions): FixedVhd {
  const { length } = options
  if (length === undefined || length % SECTOR !== 0 || length <= FOOTER_BYTES)
    throw new VhdError('not-a-vhd', 0, 'the stream does not begin with a footer (a fixed disk is read only where the length is known)')
  const size = length - FOOTER_BYTES
  if (size > (options.maxSize ?? 2 ** 41)) throw new VhdError('too-large', 0, `a disk of ${size} bytes is not accepted`)
  return {
    kind: 'fixed',
    size,
    get bytesRead() {
      return input.position
    },
    blocks: () => closing(input, fixedExtents(input, start, size, maxExtent(options))),
    close: () => input.close(),
  }
}

async function* fixedExtents(input: ForwardBytes, start: Buffer, size: number, most: number): AsyncGenerator<VhdExtent> {
  yield { offset: 0, data: start }
  for (let at = start.length; at < size; ) {
    const data = await input.take(Math.min(most, size - at), 'the disk')
    yield { offset: at, data }
    at += data.length
  }
  const last = decodeFooter(await input.take(FOOTER_BYTES, 'the final footer'), size, 'bad-final-footer')
  if (last.kind !== 'fixed' || last.size !== size)
    throw new VhdError('bad-final-footer', size, 'the final footer is not that of a fixed disk of this length')
  if ((await input.some(1)).length > 0) throw new VhdError('bad-final-footer', size + FOOTER_BYTES, 'something follows the final footer')
}
