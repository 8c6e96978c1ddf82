/**
 * Reads qcow2 images from streams that have all their tables before all their data, as XAPI's export makes them (qcow2-to-stdout.py in
 * xen-api python3/libexec: header, refcounts, L1 table, L2 tables, clusters in the order of the disk).
 */
import type { Extent } from '../block/block.ts'
import { ForwardBytes } from '../vhd/forward-bytes.ts'
import { Qcow2Error } from './error.ts'
import { COMPRESSED, ENTRY_BYTES, HEADER_BYTES, MAGIC, MAX_CLUSTER_BITS, MIN_CLUSTER_BITS, placeOf, ZERO } from './layout.ts'

export interface ReadQcow2Options {
  /** Largest disk accepted, in bytes. Default 64 TiB. */
  readonly maxSize?: number
  /** Most runs of clusters that are kept in memory, some 50 bytes each. Default 4 million. */
  readonly maxRuns?: number
  /** Largest piece of data given, in bytes, a multiple of 512. Default 2 MiB. */
  readonly maxExtent?: number
}

export interface Qcow2Reader {
  /** Virtual size in bytes. */
  readonly size: number
  readonly clusterSize: number
  /** What the image holds, ascending, merged, inside the disk. Known before any data. */
  readonly allocated: readonly Extent[]
  /** Bytes taken from the stream so far. */
  readonly bytesRead: number
  /** The data, once, ascending. When it ends without error the stream ended where it had to. Leaving early closes the stream. */
  blocks(): AsyncGenerator<{ readonly offset: number; readonly data: Buffer }, void, undefined>
  /** Closes the stream. Safe more than once. */
  close(): Promise<void>
}

/** Clusters that lie side by side on the disk and in the stream. Bytes. */
interface Run {
  readonly offset: number
  readonly place: number
  length: number
}

/**
 * Begins to read; resolves as soon as the tables are read. Throws Qcow2Error for whatever it can't read, and closes the stream then.
 * Memory stays at one table, the runs and a piece of data, whatever the stream claims.
 */
export async function readQcow2(chunks: AsyncIterable<Buffer>, options: ReadQcow2Options = {}): Promise<Qcow2Reader> {
  const input = new ForwardBytes(chunks, (code, offset, text) => new Qcow2Error(code, offset, text))
  try {
    const header = decodeHeader(await input.take(HEADER_BYTES, 'the header'), options.maxSize ?? 2 ** 46)
    const runs = await readTables(input, header, options.maxRuns ?? 1 << 22)
    const { size, clusterSize } = header
    return {
      size,
      clusterSize,
      allocated: runs.map(({ offset, length }) => ({ offset, length: Math.min(length, size - offset) })),
      get bytesRead() {
        return input.position
      },
      blocks: () => blocksOf(input, runs, size, options.maxExtent ?? 2 << 20),
      close: () => input.close(),
    }
  } catch (error) {
    await input.close()
    throw error
  }
}

interface Header {
  readonly size: number
  readonly clusterSize: number
  readonly l1Place: number
  readonly l1Entries: number
}

function decodeHeader(bytes: Buffer, maxSize: number): Header {
  if (bytes.readUInt32BE(0) !== MAGIC) throw new Qcow2Error('not-a-qcow2', 0, 'the stream does not begin as a qcow2 image')
  const version = bytes.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw new Qcow2Error('unsupported', 4, `version ${version}`)
  if (bytes.readBigUInt64BE(8) !== 0n) throw new Qcow2Error('unsupported', 8, 'it has a backing file')
  const bits = bytes.readUInt32BE(20)
  if (bits < MIN_CLUSTER_BITS || bits > MAX_CLUSTER_BITS) throw new Qcow2Error('bad-header', 20, `clusters of 2^${bits} bytes`)
  const size = bytes.readBigUInt64BE(24)
  if (size > BigInt(maxSize)) throw new Qcow2Error('too-large', 24, `a disk of ${size} bytes is not accepted`)
  if (bytes.readUInt32BE(32) !== 0) throw new Qcow2Error('unsupported', 32, 'it is encrypted')
  if (version === 3 && bytes.readBigUInt64BE(72) !== 0n) throw new Qcow2Error('unsupported', 72, 'it has features that are not known')
  const clusterSize = 2 ** bits
  const l1Entries = bytes.readUInt32BE(36)
  const needed = Math.ceil(Math.ceil(Number(size) / clusterSize) / (clusterSize / ENTRY_BYTES))
  const place = bytes.readBigUInt64BE(40)
  if (l1Entries < needed || l1Entries > needed + clusterSize / ENTRY_BYTES || place > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Qcow2Error('bad-header', 36, 'the L1 table does not fit the disk')
  return { size: Number(size), clusterSize, l1Place: Number(place), l1Entries: needed }
}

async function readTables(input: ForwardBytes, { size, clusterSize, l1Place, l1Entries }: Header, maxRuns: number): Promise<Run[]> {
  const runs: Run[] = []
  if (l1Place === 0 || l1Entries === 0) return runs
  await input.skipTo(l1Place, 'the L1 table')
  const l1 = await input.take(l1Entries * ENTRY_BYTES, 'the L1 table')
  const perTable = clusterSize / ENTRY_BYTES
  const clusters = Math.ceil(size / clusterSize)
  let last: Run | undefined
  for (let table = 0; table < l1Entries; table += 1) {
    const l2Place = placeOf(l1.readUInt32BE(table * ENTRY_BYTES), l1.readUInt32BE(table * ENTRY_BYTES + 4))
    if (l2Place === 0) continue
    await input.skipTo(l2Place, `L2 table ${table}`)
    const l2 = await input.take(clusterSize, `L2 table ${table}`)
    const entries = Math.min(perTable, clusters - table * perTable)
    for (let index = 0; index < entries; index += 1) {
      const high = l2.readUInt32BE(index * ENTRY_BYTES)
      const low = l2.readUInt32BE(index * ENTRY_BYTES + 4)
      if (high === 0 && low === 0) continue
      const where = l2Place + index * ENTRY_BYTES
      if ((high & COMPRESSED) !== 0) throw new Qcow2Error('unsupported', where, 'a cluster is compressed')
      if ((low & ZERO) !== 0) throw new Qcow2Error('unsupported', where, 'a cluster is marked as zero')
      const place = placeOf(high, low)
      if (place === 0 || place % clusterSize !== 0) throw new Qcow2Error('bad-table', where, 'a cluster is not aligned')
      const offset = (table * perTable + index) * clusterSize
      if (last !== undefined && place < last.place + last.length)
        throw new Qcow2Error('not-forward', where, 'clusters are not in the order of the disk')
      if (last !== undefined && offset === last.offset + last.length && place === last.place + last.length) last.length += clusterSize
      else {
        if (runs.length >= maxRuns) throw new Qcow2Error('too-large', where, `more than ${maxRuns} runs of clusters`)
        last = { offset, place, length: clusterSize }
        runs.push(last)
      }
    }
  }
  const first = runs[0]
  if (first !== undefined && first.place < input.position)
    throw new Qcow2Error('not-forward', first.place, 'data comes before the last table')
  return runs
}

async function* blocksOf(input: ForwardBytes, runs: readonly Run[], size: number, most: number) {
  try {
    for (const { offset, place, length } of runs) {
      await input.skipTo(place, `the cluster at byte ${offset} of the disk`)
      const inside = Math.min(length, size - offset)
      for (let at = 0; at < inside; at += most) {
        yield { offset: offset + at, data: await input.take(Math.min(most, inside - at), `the cluster at byte ${offset + at} of the disk`) }
      }
      await input.skipTo(place + length, 'the end of the last cluster')
    }
    // The tables of an image that holds nothing end the stream.
    while (runs.length === 0 && (await input.some(1 << 20)).length > 0);
    if ((await input.some(1)).length > 0) throw new Qcow2Error('not-at-the-end', input.position - 1, 'something follows the last cluster')
  } finally {
    await input.close()
  }
}
