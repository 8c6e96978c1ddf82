import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { type ContentDigest, createContentDigest, DIGEST_GRANULE } from './content-digest.ts'

const seed = testSeed()
const MiB = 1 << 20

function shuffled<T>(random: (below: number) => number, list: readonly T[]): T[] {
  const out = [...list]
  for (let i = out.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[out[i], out[j]] = [out[j] as T, out[i] as T]
  }
  return out
}

/** The digest of `data` at `offset`, given in pieces that end at granules, in random order. */
function digestOf(random: (below: number) => number, offset: number, data: Buffer): ContentDigest {
  const pieces: [number, Buffer][] = []
  for (let at = 0; at < data.length; ) {
    const whole = DIGEST_GRANULE * (1 + random(5))
    const next = Math.min(data.length, at + whole - ((offset + at) % DIGEST_GRANULE))
    pieces.push([offset + at, data.subarray(at, next)])
    at = next
  }
  const digest = createContentDigest()
  for (const [at, piece] of shuffled(random, pieces)) digest.add(at, piece)
  return digest
}

test(`the order and the cutting of parts do not matter (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  const data = randomBytes(random, 3 * MiB)
  for (const offset of [0, 512, 200 * MiB - 512, 5 * 2 ** 40]) {
    const whole = createContentDigest()
    whole.add(offset, data)
    for (let round = 0; round < 5; round++) {
      const other = digestOf(random, offset, data)
      assert.equal(other.hex(), whole.hex())
      assert.equal(other.bytes, data.length)
      assert.equal(whole.firstDifference(other), undefined)
    }
  }
})

test(`one bit, or the same bytes elsewhere, give another digest (seed ${seed})`, () => {
  const random = randomNumbers(seed + 1)
  const data = randomBytes(random, 2 * MiB)
  const sums = new Set<string>()
  const add = (offset: number, bytes: Buffer) => sums.add(digestOf(random, offset, bytes).hex())
  add(0, data)
  add(DIGEST_GRANULE, data)
  add(512, data)
  add(2 ** 33, data)
  const swapped = Buffer.concat([
    data.subarray(DIGEST_GRANULE, 2 * DIGEST_GRANULE),
    data.subarray(0, DIGEST_GRANULE),
    data.subarray(2 * DIGEST_GRANULE),
  ])
  add(0, swapped)
  assert.equal(sums.size, 5)
  const before = sums.size
  for (let round = 0; round < 20; round++) {
    const damaged = Buffer.from(data)
    const at = random(data.length)
    damaged[at] = (damaged[at] as number) ^ (1 << random(8))
    add(0, damaged)
  }
  assert.ok(sums.size >= before + 19, 'nearly every damage gives a sum of its own (the same bit may have been hit twice)')
  for (const sum of sums) assert.match(sum, /^[0-9a-f]{64}$/)
})

test('zeroes count: a part that is zero is not a part that is missing', () => {
  const [with_, without] = [createContentDigest(), createContentDigest()]
  with_.add(0, Buffer.alloc(DIGEST_GRANULE))
  assert.notEqual(with_.hex(), without.hex())
  assert.equal(with_.firstDifference(without), 0)
  assert.equal(without.firstDifference(with_), 0)
})

test('the first difference is placed in its 64 MiB', () => {
  const parts = [0, 64 * MiB, 640 * MiB, 6400 * MiB].map((offset): [number, Buffer] => [offset, Buffer.alloc(4096, offset / MiB)])
  const [a, b] = [createContentDigest(), createContentDigest()]
  for (const [offset, data] of parts) {
    a.add(offset, data)
    b.add(offset, offset === 640 * MiB ? Buffer.alloc(4096, 7) : data)
  }
  assert.equal(a.firstDifference(b), 640 * MiB)
  b.add(70 * MiB, Buffer.alloc(512))
  assert.equal(a.firstDifference(b), 64 * MiB)
})

test('carries go through all words of the sum', () => {
  // Enough pieces that a sum which dropped carries, or added words apart, would hardly ever agree in both orders of grouping.
  const digest = createContentDigest()
  let expected = 0n
  for (let at = 0; at < 200; at++) {
    const one = createContentDigest()
    one.add(at * DIGEST_GRANULE, Buffer.alloc(512, at))
    expected += numberOf(one)
    digest.add(at * DIGEST_GRANULE, Buffer.alloc(512, at))
  }
  assert.equal(numberOf(digest), expected % 2n ** 256n)
})

/** The sum as a number: words and bytes both least significant first. */
function numberOf(digest: ContentDigest): bigint {
  return Buffer.from(digest.hex(), 'hex').reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
}
