/** Which reads to make for which extents: neighbours are read together, far ones apart, long ones in pieces. */
import type { Extent } from '../block/block.ts'
import { NbdError } from './nbd-error.ts'

export interface PlannedRead extends Extent {
  /** What of it was asked for, ascending: all of it, or with gaps that were cheaper to read than to leave out. */
  readonly wanted: readonly Extent[]
}

export interface ReadPlanOptions {
  /** Bytes of the disk. */
  readonly size: number
  /** Longest read in bytes. */
  readonly mergeUpTo: number
}

/** Bytes read for each byte asked for, at most, in every single read. */
const MOST_READ_PER_WANTED = 1.25
const SECTOR = 512

/**
 * Plans the reads for `extents`, which must be ascending, apart from each other, inside the disk and in whole sectors
 * (NBD_EXTENTS_INVALID). Takes from `extents` only as much as the next read needs, and one more.
 */
export async function* planReads(
  extents: Iterable<Extent> | AsyncIterable<Extent>,
  { size, mergeUpTo }: ReadPlanOptions,
): AsyncGenerator<PlannedRead, void, undefined> {
  let wanted: Extent[] = []
  let start = 0
  let end = 0
  let asked = 0

  const planned = (): PlannedRead => ({ offset: start, length: end - start, wanted })

  for await (const extent of extents) {
    let { offset, length } = extent
    check(extent, end, size)
    while (length > 0) {
      const adjacent = offset === end
      const room = start + mergeUpTo - offset
      const part = adjacent ? Math.min(length, room) : length
      const joins = wanted.length > 0 && part > 0 && part <= room && offset + part - start <= MOST_READ_PER_WANTED * (asked + part)
      if (joins) {
        const last = wanted.at(-1)
        if (adjacent && last !== undefined) wanted[wanted.length - 1] = { offset: last.offset, length: last.length + part }
        else wanted.push({ offset, length: part })
        asked += part
        end = offset + part
        offset += part
        length -= part
      } else {
        if (wanted.length > 0) yield planned()
        const first = Math.min(length, mergeUpTo)
        wanted = [{ offset, length: first }]
        start = offset
        end = offset + first
        asked = first
        offset += first
        length -= first
      }
    }
  }
  if (wanted.length > 0) yield planned()
}

function check({ offset, length }: Extent, from: number, size: number): void {
  const aligned = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset % SECTOR === 0 && length % SECTOR === 0
  if (aligned && length > 0 && offset >= from && offset + length <= size) return
  throw new NbdError('NBD_EXTENTS_INVALID', `extent [${offset}, +${length}) is misplaced: after ${from}, on a disk of ${size} bytes`)
}
