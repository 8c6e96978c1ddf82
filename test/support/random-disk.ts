/** For tests: repeatable random numbers, disks and ways to cut streams. */
import type { Extent } from '../../src/block/block.ts'

/** The seed of a random test: UNDERSTUDY_TEST_SEED, else a new one. Print it. */
export function testSeed(): number {
  const given = process.env.UNDERSTUDY_TEST_SEED
  return given ? Number(given) >>> 0 : (Date.now() ^ (process.pid << 16)) >>> 0
}

/** Whole numbers from 0 up to, not including, `below`; the same for the same seed (xorshift32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

export function randomBytes(random: (below: number) => number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  const word = Buffer.alloc(4096)
  for (let i = 0; i < word.length; i += 4) word.writeUInt32LE(random(0xffff_ffff), i)
  for (let at = 0; at < length; at += word.length) {
    word.writeUInt32LE(random(0xffff_ffff), random(1024) * 4)
    word.copy(bytes, at)
  }
  return bytes
}

/** Extents on sectors, ascending and apart, up to `size`. */
export function randomExtents(random: (below: number) => number, size: number, most: number): Extent[] {
  const extents: Extent[] = []
  let sector = 0
  while (extents.length < most) {
    sector += random(4) === 0 ? 0 : random(random(2) ? 64 : 9000)
    const count = 1 + random(random(3) ? 64 : 6000)
    if ((sector + count) * 512 > size) break
    extents.push({ offset: sector * 512, length: count * 512 })
    sector += count
  }
  return extents
}

/** The bytes as a stream of chunks of random lengths; empty ones too. */
export async function* cut(random: (below: number) => number, bytes: Buffer, most = 200_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = random(20) === 0 ? 0 : 1 + random(random(2) ? 700 : most)
    yield bytes.subarray(at, at + length)
    at += length
  }
}
