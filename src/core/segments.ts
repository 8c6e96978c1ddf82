/** Where a long transfer is cut, so that an interrupted one goes on from its last finished segment. Pure; bytes. */
import type { Extent } from '../block/block.ts'

const MIB = 1024 * 1024
/** A segment is one upload, which costs a host about a second to attach and detach the disk: fewer bytes are not worth one. */
const LEAST = 256 * MIB
const MOST = 8192 * MIB
/** At most about this share of a transfer is lost when it breaks off: one part in so many. */
const PARTS = 64

export interface Segment {
  /** Ascending and disjoint. */
  readonly extents: readonly Extent[]
  /** Everything wanted below this byte of the disk is in place once this segment and those before it are finished. */
  readonly end: number
}

/** Cuts ascending extents into segments of about equal bytes; an extent may be cut anywhere that is a multiple of 64 KiB. */
export function planSegments(extents: readonly Extent[], least: number = LEAST): Segment[] {
  const total = extents.reduce((sum, { length }) => sum + length, 0)
  const size = Math.min(MOST, Math.max(least, Math.ceil(total / PARTS / MIB) * MIB))
  const out: Segment[] = []
  let current: Extent[] = []
  let room = size
  for (let { offset, length } of extents) {
    while (length > room) {
      const cut = room - (room % 65536)
      if (cut > 0) current.push({ offset, length: cut })
      out.push({ extents: current, end: offset + cut })
      offset += cut
      length -= cut
      current = []
      room = size
    }
    current.push({ offset, length })
    room -= length
  }
  if (current.length > 0) out.push({ extents: current, end: (current.at(-1) as Extent).offset + (current.at(-1) as Extent).length })
  return out
}

/** What of the extents lies at or beyond a byte of the disk. */
export function fromByte(extents: readonly Extent[], byte: number): Extent[] {
  const out: Extent[] = []
  for (const { offset, length } of extents) {
    const end = offset + length
    if (end <= byte) continue
    const start = Math.max(offset, byte)
    out.push({ offset: start, length: end - start })
  }
  return out
}
