/** Arithmetic on extents. Lists are ascending and disjoint unless a function says otherwise; everything is in bytes. */
import type { Extent } from './block.ts'

export function totalLength(extents: Iterable<Extent>): number {
  let sum = 0
  for (const { length } of extents) sum += length
  return sum
}

/** Sorts, merges what touches or overlaps, drops what is empty. */
export function normalise(extents: Iterable<Extent>): Extent[] {
  const sorted = [...extents].filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset)
  const out: { offset: number; length: number }[] = []
  for (const { offset, length } of sorted) {
    const last = out.at(-1)
    if (last !== undefined && offset <= last.offset + last.length) {
      last.length = Math.max(last.length, offset + length - last.offset)
    } else out.push({ offset, length })
  }
  return out
}

/** The parts of `extents` that lie inside a disk of `size` bytes. */
export function clamp(extents: Iterable<Extent>, size: number): Extent[] {
  const out: Extent[] = []
  for (const { offset, length } of extents) {
    if (offset >= size) continue
    out.push({ offset, length: Math.min(length, size - offset) })
  }
  return out
}

/**
 * Extents of the bits set in a bitmap, most significant bit first, `granule` bytes a bit: the form of XAPI's
 * `VDI.list_changed_blocks` (64 KiB a bit). Bits beyond `size` are padding and ignored.
 */
export function extentsOfBitmap(bitmap: Uint8Array, granule: number, size: number): Extent[] {
  const out: Extent[] = []
  const bits = Math.min(bitmap.length * 8, Math.ceil(size / granule))
  let start = -1
  for (let bit = 0; bit <= bits; bit++) {
    // Eight unset bits at once: bitmaps of big disks are mostly zero.
    while (start < 0 && bit + 8 <= bits && (bit & 7) === 0 && bitmap[bit >> 3] === 0) bit += 8
    const set = bit < bits && ((bitmap[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0
    if (set && start < 0) start = bit
    else if (!set && start >= 0) {
      out.push({ offset: start * granule, length: Math.min(bit * granule, size) - start * granule })
      start = -1
    }
  }
  return out
}

/** Extents of the blocks with the given indices (ascending), merged; the last one ends where the disk does. */
export function extentsOfBlocks(indices: Iterable<number>, blockSize: number, size: number): Extent[] {
  const out: { offset: number; length: number }[] = []
  for (const index of indices) {
    const offset = index * blockSize
    if (offset >= size) continue
    const length = Math.min(blockSize, size - offset)
    const last = out.at(-1)
    if (last !== undefined && last.offset + last.length === offset) last.length += length
    else out.push({ offset, length })
  }
  return out
}

/** Cuts extents at multiples of `granule`, so that no piece crosses one. */
export function* splitAt(extents: Iterable<Extent>, granule: number): Generator<Extent> {
  for (const { offset, length } of extents) {
    const end = offset + length
    for (let at = offset; at < end; ) {
      const next = Math.min(end, (Math.floor(at / granule) + 1) * granule)
      yield { offset: at, length: next - at }
      at = next
    }
  }
}

/** What is in `from` and not in `without`. */
export function subtract(from: readonly Extent[], without: readonly Extent[]): Extent[] {
  const out: Extent[] = []
  let hole = 0
  for (const { offset, length } of from) {
    let at = offset
    const end = offset + length
    while (hole < without.length && endOf(without[hole] as Extent) <= at) hole++
    for (let i = hole; i < without.length && (without[i] as Extent).offset < end; i++) {
      const cut = without[i] as Extent
      if (cut.offset > at) out.push({ offset: at, length: cut.offset - at })
      at = Math.max(at, endOf(cut))
    }
    if (at < end) out.push({ offset: at, length: end - at })
  }
  return out
}

const endOf = ({ offset, length }: Extent) => offset + length

/** The parts of one extent that lie in a list of them. */
export function partsWithin(list: readonly Extent[], { offset, length }: Extent): Extent[] {
  const end = offset + length
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (endOf(list[middle] as Extent) <= offset) low = middle + 1
    else high = middle
  }
  const out: Extent[] = []
  for (let i = low; i < list.length && (list[i] as Extent).offset < end; i++) {
    const part = list[i] as Extent
    const start = Math.max(offset, part.offset)
    out.push({ offset: start, length: Math.min(end, endOf(part)) - start })
  }
  return out
}
