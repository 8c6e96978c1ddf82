import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { xxh64 } from './xxh64.ts'

/** Answers of other implementations, as their documentation and tests print them. */
const KNOWN = [
  ['', 'EF46DB3751D8E999'],
  ['a', 'D24EC4F1A98C6E5B'],
  ['abc', '44BC2CF5AD770999'],
  ['Nobody inspects the spammish repetition', 'FBCEA83C8A378BF1'],
] as const

for (const [text, digest] of KNOWN) test(`XXH64 of ${JSON.stringify(text)}`, () => assert.equal(xxh64(Buffer.from(text)), digest))

/** The bytes that xxHash's own sanity check uses, and what it expects of their first 1, 14 and 101. */
test('XXH64 of the sequence of the original sanity check', () => {
  const sequence = Buffer.alloc(101)
  let number = 2654435761
  for (let at = 0; at < sequence.length; at++) {
    sequence[at] = number >>> 24
    number = Math.imul(number, number)
  }
  const digests = [1, 14, 101].map((length) => xxh64(sequence.subarray(0, length)))
  assert.deepEqual(digests, ['4FCE394CC88952D8', 'CFFA8DB881BC3A3D', '0EAB543384F878AD'])
})

const seed = testSeed()

test(`any length and alignment gives what the specification gives in whole numbers (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 400; round++) {
    const length = round < 140 ? round : random(5000)
    const shift = random(8)
    const memory = randomBytes(random, length + shift)
    const data = round % 7 === 0 ? Buffer.alloc(length, 0xff) : memory.subarray(shift)
    assert.equal(xxh64(data), bySpecification(data), `length ${length}, shift ${shift}`)
  }
})

const MASK = (1n << 64n) - 1n
const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const
const rotl = (x: bigint, n: bigint) => ((x << n) | (x >> (64n - n))) & MASK
const round = (acc: bigint, word: bigint) => (rotl((acc + word * P2) & MASK, 31n) * P1) & MASK

function bySpecification(data: Buffer): string {
  let at = 0
  let hash: bigint = P5
  if (data.length >= 32) {
    const acc = [P1 + P2, P2, 0n, -P1].map((value) => BigInt.asUintN(64, value))
    for (; at + 32 <= data.length; at += 32) {
      for (let lane = 0; lane < 4; lane++) acc[lane] = round(acc[lane] as bigint, data.readBigUInt64LE(at + 8 * lane))
    }
    const [a, b, c, d] = acc as [bigint, bigint, bigint, bigint]
    hash = (rotl(a, 1n) + rotl(b, 7n) + rotl(c, 12n) + rotl(d, 18n)) & MASK
    for (const lane of acc) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK
  }
  hash = (hash + BigInt(data.length)) & MASK
  for (; at + 8 <= data.length; at += 8) hash = (rotl(hash ^ round(0n, data.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK
  for (; at + 4 <= data.length; at += 4) hash = (rotl(hash ^ ((BigInt(data.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK
  for (; at < data.length; at++) hash = (rotl(hash ^ ((BigInt(data[at] as number) * P5) & MASK), 11n) * P1) & MASK
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK
  return (hash ^ (hash >> 32n)).toString(16).padStart(16, '0').toUpperCase()
}
