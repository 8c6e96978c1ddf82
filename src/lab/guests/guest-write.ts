import { setImmediate } from 'node:timers/promises'
import type { Extent } from '../../block/block.ts'
import { fillPattern, type Pattern } from '../content/pattern.ts'
import { distinctNumbers, type Numbers, seededNumbers } from '../content/seeded-numbers.ts'
import type { Disk, LabPool } from '../pool.ts'
import { type GuestDisk, GuestError, writableDisk } from './guest-disk.ts'

const pieceSize = 1024 * 1024
/** Scattered writes of one request: 64 GiB of 64 KiB granules. */
export const maxScattered = 1024 * 1024

export interface Written {
  /** Bytes written. */
  readonly bytes: number
  readonly extents: readonly Extent[]
}

/**
 * Writes a pattern to ranges of a running VM's disk, in order, in pieces of 1 MiB between which everything else goes on.
 * Offsets and lengths are multiples of 512. GuestError when the VM doesn't run (or stops meanwhile).
 */
export async function writeExtents(
  pool: LabPool,
  target: GuestDisk,
  extents: readonly Extent[],
  pattern: Pattern,
  signal?: AbortSignal,
): Promise<Written> {
  const { size } = writableDisk(pool, target)
  for (const { offset, length } of extents) {
    if (offset + length > size)
      throw new GuestError('bad-request', `offset ${offset} + length ${length} is outside of the disk of ${size} bytes`)
  }
  let bytes = 0
  let sinceYield = 0
  for (const extent of extents) {
    const end = extent.offset + extent.length
    for (let offset = extent.offset; offset < end; offset += pieceSize) {
      const length = Math.min(pieceSize, end - offset)
      writePiece(writableDisk(pool, target), offset, length, pattern)
      bytes += length
      sinceYield += length
      if (sinceYield >= pieceSize) {
        sinceYield = 0
        signal?.throwIfAborted()
        await setImmediate()
      }
    }
  }
  return { bytes, extents }
}

function writePiece(disk: Disk, offset: number, length: number, pattern: Pattern): void {
  if (pattern.kind === 'zero') {
    disk.zero(offset, length)
    return
  }
  const data = Buffer.allocUnsafe(length)
  fillPattern(data, offset, pattern)
  disk.write(offset, data)
}

export interface Scatter {
  /** Bytes of each write, and what its place is a multiple of (relative to the region's start). */
  readonly granule: number
  readonly count: number
  readonly region: Extent
  readonly seed: string
}

/**
 * Writes random bytes to `count` different granules of the region, ascending. The places follow from the seed, and so do
 * the bytes. What is answered is exact: that many bytes, no place twice.
 */
export function writeScattered(pool: LabPool, target: GuestDisk, scatter: Scatter, signal?: AbortSignal): Promise<Written> {
  const { granule, count, region, seed } = scatter
  const places = Math.floor(region.length / granule)
  if (count > places) throw new GuestError('bad-request', `${count} granules of ${granule} bytes do not fit into ${region.length} bytes`)
  const extents = distinctNumbers(seededNumbers(`places ${seed}`), count, places).map((place) => ({
    offset: region.offset + place * granule,
    length: granule,
  }))
  return writeExtents(pool, target, extents, { kind: 'random', seed }, signal)
}

/** Writes one granule at a place that the numbers choose: what a background writer does again and again. */
export function writeSomewhere(pool: LabPool, target: GuestDisk, numbers: Numbers, granule: number, region: Extent, seed: string): void {
  const offset = region.offset + numbers(Math.floor(region.length / granule)) * granule
  writePiece(writableDisk(pool, target), offset, granule, { kind: 'random', seed })
}
