/**
 * A digest of parts of a disk that does not depend on the order in which they come: each 64 KiB piece is hashed with its
 * offset, and the hashes are added up modulo 2^256. Two sides that hash the same extents get the same sum if, and for all
 * practical purposes only if, the bytes are the same. It guards against corruption, not against an attacker who can choose
 * the bytes. Sums are kept per region, so that a difference can be placed.
 */
import { createHash } from 'node:crypto'

/** Pieces end at multiples of this, so that both sides cut the same way whatever the size of their reads. */
export const DIGEST_GRANULE = 65536
const REGION = 64 * 1024 * 1024
const WORDS = 8

export interface ContentDigest {
  /** Bytes added so far. */
  readonly bytes: number
  /** Adds a part. Parts come in any order, each byte once; a part may end inside a granule only where its extent does. */
  add(offset: number, data: Buffer): void
  /** 64 hexadecimal digits. */
  hex(): string
  /** Offset of the first 64 MiB region in which the other differs; undefined when they are alike. */
  firstDifference(other: ContentDigest): number | undefined
  /** Sums by region index. */
  readonly regions: ReadonlyMap<number, Uint32Array>
}

export function createContentDigest(): ContentDigest {
  const regions = new Map<number, Uint32Array>()
  let bytes = 0

  function addPiece(offset: number, piece: Buffer): void {
    const place = Buffer.alloc(8)
    place.writeBigUInt64LE(BigInt(offset))
    const hash = createHash('sha256').update(place).update(piece).digest()
    const region = Math.floor(offset / REGION)
    let sum = regions.get(region)
    if (sum === undefined) {
      sum = new Uint32Array(WORDS)
      regions.set(region, sum)
    }
    addTo(sum, new Uint32Array(hash.buffer, hash.byteOffset, WORDS))
  }

  return {
    regions,
    get bytes() {
      return bytes
    },
    add(offset, data) {
      bytes += data.length
      for (let at = 0; at < data.length; ) {
        const next = Math.min(data.length, at + DIGEST_GRANULE - ((offset + at) % DIGEST_GRANULE))
        addPiece(offset + at, data.subarray(at, next))
        at = next
      }
    },
    hex() {
      const all = new Uint32Array(WORDS)
      for (const sum of regions.values()) addTo(all, sum)
      return Buffer.from(all.buffer).toString('hex')
    },
    firstDifference(other) {
      const differing = [...new Set([...regions.keys(), ...other.regions.keys()])].filter(
        (region) => !equal(regions.get(region), other.regions.get(region)),
      )
      return differing.length === 0 ? undefined : Math.min(...differing) * REGION
    },
  }
}

/** 256-bit addition, least significant word first. */
function addTo(sum: Uint32Array, value: Uint32Array): void {
  let carry = 0
  for (let i = 0; i < WORDS; i++) {
    const next = (sum[i] as number) + (value[i] as number) + carry
    sum[i] = next >>> 0
    carry = next > 0xffffffff ? 1 : 0
  }
}

function equal(a: Uint32Array | undefined, b: Uint32Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((word, i) => word === b[i])
}
