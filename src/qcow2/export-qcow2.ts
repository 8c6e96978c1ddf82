/** The qcow2 images that XAPI's export gives: tables first, then clusters of 64 KiB in the order of the disk (xen-api qcow2-to-stdout.py). */
import type { Extent } from '../block/block.ts'
import { COPIED, DEFAULT_CLUSTER_BITS, ENTRY_BYTES, HEADER_BYTES, MAGIC } from './layout.ts'

const CLUSTER = 2 ** DEFAULT_CLUSTER_BITS
const PER_TABLE = CLUSTER / ENTRY_BYTES
/** Counts of 16 bits. */
const COUNTS_PER_BLOCK = CLUSTER / 2

export interface Qcow2ExportPlan {
  /** Bytes of the whole stream. */
  readonly length: number
  /** What is in it, in whole clusters (the last one may end beyond the disk). */
  readonly extents: readonly Extent[]
  /** Everything before the data, in clusters. */
  tables(): Generator<Buffer>
}

/** Plans an export of a disk. `extents` are ascending and apart; each is widened to whole clusters. */
export function planQcow2Export(size: number, extents: Iterable<Extent>): Qcow2ExportPlan {
  const whole = wholeClusters(extents)
  const l1Entries = Math.ceil(Math.ceil(size / CLUSTER) / PER_TABLE)
  const l1Clusters = Math.ceil(l1Entries / PER_TABLE)
  const tables = [...tablesOf(whole)]
  const dataClusters = whole.reduce((sum, { length }) => sum + length / CLUSTER, 0)
  const others = 1 + l1Clusters + tables.length + dataClusters
  let blocks = 0
  let tableClusters = 0
  for (let total = others; Math.ceil(total / COUNTS_PER_BLOCK) > blocks; total = others + blocks + tableClusters) {
    blocks = Math.ceil(total / COUNTS_PER_BLOCK)
    tableClusters = Math.ceil(blocks / PER_TABLE)
  }
  const total = others + blocks + tableClusters
  const at = { table: 1, blocks: 1 + tableClusters, l1: 1 + tableClusters + blocks, l2: 0, data: 0 }
  at.l2 = at.l1 + l1Clusters
  at.data = at.l2 + tables.length

  function* make(): Generator<Buffer> {
    yield header(size, l1Entries, l1Clusters === 0 ? 0 : at.l1 * CLUSTER, at.table * CLUSTER, tableClusters)
    yield* inClusters(tableClusters, blocks, (cluster, index, nth) => setEntry(cluster, index, (at.blocks + nth) * CLUSTER, 0))
    for (let left = total; left > 0; left -= COUNTS_PER_BLOCK) {
      const cluster = Buffer.alloc(CLUSTER)
      for (let index = 0; index < Math.min(left, COUNTS_PER_BLOCK); index += 1) cluster.writeUInt16BE(1, index * 2)
      yield cluster
    }
    const l2 = new Map(tables.map((number, nth) => [number, at.l2 + nth]))
    yield* inClusters(l1Clusters, l1Entries, (cluster, index, nth) => {
      const place = l2.get(nth)
      if (place !== undefined) setEntry(cluster, index, place * CLUSTER, COPIED)
    })
    let place = at.data
    let current: { number: number; cluster: Buffer } | undefined
    for (const { offset, length } of whole) {
      for (let nth = offset / CLUSTER; nth < (offset + length) / CLUSTER; nth += 1) {
        const number = Math.floor(nth / PER_TABLE)
        if (current?.number !== number) {
          if (current !== undefined) yield current.cluster
          current = { number, cluster: Buffer.alloc(CLUSTER) }
        }
        setEntry(current.cluster, nth % PER_TABLE, place * CLUSTER, COPIED)
        place += 1
      }
    }
    if (current !== undefined) yield current.cluster
  }
  return { length: total * CLUSTER, extents: whole, tables: make }
}

function wholeClusters(extents: Iterable<Extent>): Extent[] {
  const out: { offset: number; length: number }[] = []
  for (const { offset, length } of extents) {
    const from = Math.floor(offset / CLUSTER) * CLUSTER
    const to = Math.ceil((offset + length) / CLUSTER) * CLUSTER
    const last = out.at(-1)
    if (last !== undefined && from <= last.offset + last.length) last.length = Math.max(last.length, to - last.offset)
    else out.push({ offset: from, length: to - from })
  }
  return out
}

/** Numbers of the L2 tables that are needed. */
function* tablesOf(extents: readonly Extent[]): Generator<number> {
  const span = CLUSTER * PER_TABLE
  let last = -1
  for (const { offset, length } of extents) {
    for (let table = Math.max(last + 1, Math.floor(offset / span)); table * span < offset + length; table += 1) {
      yield table
      last = table
    }
  }
}

function* inClusters(clusters: number, entries: number, set: (cluster: Buffer, index: number, nth: number) => void): Generator<Buffer> {
  for (let at = 0; at < clusters; at += 1) {
    const cluster = Buffer.alloc(CLUSTER)
    for (let index = 0; index < Math.min(PER_TABLE, entries - at * PER_TABLE); index += 1) set(cluster, index, at * PER_TABLE + index)
    yield cluster
  }
}

function setEntry(cluster: Buffer, index: number, place: number, flags: number): void {
  cluster.writeUInt32BE((Math.floor(place / 2 ** 32) | flags) >>> 0, index * ENTRY_BYTES)
  cluster.writeUInt32BE(place % 2 ** 32, index * ENTRY_BYTES + 4)
}

function header(size: number, l1Entries: number, l1Place: number, countsPlace: number, countsClusters: number): Buffer {
  const cluster = Buffer.alloc(CLUSTER)
  cluster.writeUInt32BE(MAGIC, 0)
  cluster.writeUInt32BE(3, 4)
  cluster.writeUInt32BE(DEFAULT_CLUSTER_BITS, 20)
  cluster.writeBigUInt64BE(BigInt(size), 24)
  cluster.writeUInt32BE(l1Entries, 36)
  cluster.writeBigUInt64BE(BigInt(l1Place), 40)
  cluster.writeBigUInt64BE(BigInt(countsPlace), 48)
  cluster.writeUInt32BE(countsClusters, 56)
  cluster.writeUInt32BE(4, 96)
  cluster.writeUInt32BE(HEADER_BYTES, 100)
  return cluster
}
