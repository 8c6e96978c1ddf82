/** Remembers what was sent to a disk: which 64 KiB granules, in one bit each, and a digest of their content. */
import type { Extent } from '../block/block.ts'
import { type ContentDigest, createContentDigest, DIGEST_GRANULE } from '../block/content-digest.ts'
import { extentsOfBitmap } from '../block/extents.ts'

export interface SentRecord {
  readonly digest: ContentDigest
  /** Every extent that the digest covers, ascending. */
  extents(): Extent[]
  /** Whether nothing but whole granules was sent: of a disk that was blank, all of whose granules were wanted, the digest is that of its content. */
  readonly wholeGranules: boolean
}

/**
 * @param size bytes of the disk
 * @param wanted which granules to remember, by number; default: all of them. Parts smaller than a granule are remembered apart.
 */
export function createSentRecord(
  size: number,
  wanted: (granule: number) => boolean = () => true,
): SentRecord & { add(offset: number, data: Buffer): void } {
  const granules = Math.ceil(size / DIGEST_GRANULE)
  const bitmap = new Uint8Array(Math.ceil(granules / 8))
  const parts: Extent[] = []
  const digest = createContentDigest()

  function addPiece(offset: number, piece: Buffer): void {
    const granule = Math.floor(offset / DIGEST_GRANULE)
    if (!wanted(granule)) return
    const whole = offset % DIGEST_GRANULE === 0 && piece.length === Math.min(DIGEST_GRANULE, size - offset)
    if (whole) bitmap[granule >> 3] = (bitmap[granule >> 3] ?? 0) | (0x80 >> (granule & 7))
    else parts.push({ offset, length: piece.length })
    digest.add(offset, piece)
  }

  return {
    digest,
    get wholeGranules() {
      return parts.length === 0
    },
    add(offset, data) {
      for (let at = 0; at < data.length; ) {
        const next = Math.min(data.length, at + DIGEST_GRANULE - ((offset + at) % DIGEST_GRANULE))
        addPiece(offset + at, data.subarray(at, next))
        at = next
      }
    },
    // Parts are not merged with their neighbours: the digest was made of them as they are.
    extents: () => [...extentsOfBitmap(bitmap, DIGEST_GRANULE, size), ...parts].sort((a, b) => a.offset - b.offset),
  }
}

/**
 * A choice of granules such that of `granules` sent about `samples` are chosen, wherever on the disk they lie; the same for the same
 * seed. The granule asked about first is always chosen, so that a small delta is not left unverified.
 */
export function sampler(granules: number, samples: number, seed: string): (granule: number) => boolean {
  if (granules <= samples) return () => true
  let state = 0
  for (const character of seed) state = (Math.imul(state, 31) + character.charCodeAt(0)) >>> 0
  const limit = Math.ceil((samples / granules) * 2 ** 32)
  let first: number | undefined
  return (granule) => {
    first ??= granule
    return granule === first || mix(granule ^ state) < limit
  }
}

/** A finaliser in the manner of MurmurHash3: every bit of the number moves every bit of the result. */
function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
