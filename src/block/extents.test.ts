import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import type { Extent } from './block.ts'
import { clamp, extentsOfBitmap, extentsOfBlocks, normalise, splitAt, subtract, totalLength } from './extents.ts'

const seed = testSeed()
const SIZE = 200

/** The naive model: one flag per byte. */
function flags(extents: Iterable<Extent>): boolean[] {
  const out = Array<boolean>(SIZE).fill(false)
  for (const { offset, length } of extents) for (let at = offset; at < offset + length && at < SIZE; at++) out[at] = true
  return out
}

/** Ascending, apart from each other, not empty: the only list that has these flags. */
function fromFlags(wanted: readonly boolean[]): Extent[] {
  const out: Extent[] = []
  for (let at = 0; at < wanted.length; at++) {
    if (!wanted[at]) continue
    const start = at
    while (wanted[at]) at++
    out.push({ offset: start, length: at - start })
  }
  return out
}

const anyExtents = (random: (below: number) => number): Extent[] =>
  Array.from({ length: random(12) }, () => {
    const offset = random(SIZE)
    return { offset, length: random(Math.min(60, SIZE - offset + 1)) }
  })

test(`normalise, clamp, subtract and totalLength agree with a flag per byte (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 3000; round++) {
    const [a, b] = [anyExtents(random), anyExtents(random)]
    const [left, right] = [normalise(a), normalise(b)]
    assert.deepEqual(left, fromFlags(flags(a)))
    assert.equal(totalLength(left), flags(a).filter(Boolean).length)
    const without = flags(b)
    assert.deepEqual(subtract(left, right), fromFlags(flags(a).map((set, at) => set && !without[at])), JSON.stringify({ left, right }))
    const size = random(SIZE + 1)
    assert.deepEqual(clamp(left, size), fromFlags(flags(a).map((set, at) => set && at < size)))
  }
})

test(`the input of normalise stays as it was (seed ${seed})`, () => {
  const extents = anyExtents(randomNumbers(seed + 1))
  const before = JSON.stringify(extents)
  normalise(extents)
  assert.equal(JSON.stringify(extents), before)
})

test(`extentsOfBitmap gives the set bits, most significant first, merged, up to the size (seed ${seed})`, () => {
  const random = randomNumbers(seed + 2)
  for (let round = 0; round < 3000; round++) {
    const size = 1 + random(SIZE)
    const granule = 1 + random(9)
    const bits = Math.ceil(size / granule)
    // Sometimes shorter than the disk, sometimes padded, often with long runs of the same bit.
    const bytes = Math.max(0, Math.ceil(bits / 8) + random(4) - 1)
    const bitmap = Buffer.from(Array.from({ length: bytes }, () => [0, 0, 0xff, random(256)][random(4)] as number))
    const wanted = Array.from({ length: size }, (_, at) => {
      const bit = Math.floor(at / granule)
      return ((bitmap[bit >> 3] ?? 0) & (1 << (7 - (bit % 8)))) !== 0
    })
    assert.deepEqual(extentsOfBitmap(bitmap, granule, size), fromFlags(wanted), `${bitmap.toString('hex')} ${granule} ${size}`)
  }
})

test('extentsOfBitmap reads a bitmap as XAPI gives it: bit 0 is 0x80 of byte 0, a last granule ends where the disk does', () => {
  const MiB = 1 << 20
  assert.deepEqual(extentsOfBitmap(Buffer.from([0x80, 0, 0, 0x01]), 65536, 2 * MiB), [
    { offset: 0, length: 65536 },
    { offset: 31 * 65536, length: 65536 },
  ])
  assert.deepEqual(extentsOfBitmap(Buffer.from([0xc0]), 65536, 65536 + 512), [{ offset: 0, length: 65536 + 512 }])
  // Padding beyond the disk is nothing.
  assert.deepEqual(extentsOfBitmap(Buffer.from([0x01]), 65536, 65536), [])
})

test(`extentsOfBlocks gives the blocks, merged, up to the size (seed ${seed})`, () => {
  const random = randomNumbers(seed + 3)
  for (let round = 0; round < 1000; round++) {
    const [size, blockSize] = [1 + random(SIZE), 1 + random(20)]
    const indices = Array.from({ length: 60 }, (_, index) => index).filter(() => random(3) === 0)
    const wanted = Array.from({ length: size }, (_, at) => indices.includes(Math.floor(at / blockSize)))
    assert.deepEqual(extentsOfBlocks(indices, blockSize, size), fromFlags(wanted))
  }
})

test(`splitAt covers the same bytes in order, and no piece crosses a multiple (seed ${seed})`, () => {
  const random = randomNumbers(seed + 4)
  for (let round = 0; round < 1000; round++) {
    const extents = normalise(anyExtents(random))
    const granule = 1 + random(30)
    const pieces = [...splitAt(extents, granule)]
    assert.deepEqual(normalise(pieces), extents)
    assert.equal(totalLength(pieces), totalLength(extents))
    for (const { offset, length } of pieces) {
      assert.ok(length > 0)
      assert.equal(Math.floor(offset / granule), Math.floor((offset + length - 1) / granule))
    }
  }
})

test('offsets beyond 32 bits are exact', () => {
  const TiB = 2 ** 40
  assert.deepEqual(extentsOfBlocks([2 ** 20 - 1, 2 ** 20], 2 ** 21, 4 * TiB), [{ offset: 2 * TiB - 2 ** 21, length: 2 ** 22 }])
  assert.deepEqual(subtract([{ offset: TiB, length: 1024 }], [{ offset: TiB + 512, length: TiB }]), [{ offset: TiB, length: 512 }])
})
