import assert from 'node:assert/strict'
import { createCipheriv, createHash } from 'node:crypto'
import { test } from 'node:test'
import { fillPattern, type Pattern } from './pattern.ts'
import { distinctNumbers, seededNumbers } from './seeded-numbers.ts'

const patterns: readonly Pattern[] = [
  { kind: 'random', seed: 'a' },
  { kind: 'text', seed: 'a' },
  { kind: 'byte', value: 200 },
  { kind: 'zero' },
]

test('a pattern at a place is the same whether it is written at once or in pieces', () => {
  for (const pattern of patterns) {
    const whole = Buffer.alloc(64 * 1024)
    fillPattern(whole, 1024 * 1024, pattern)
    const pieces = Buffer.alloc(whole.length)
    for (let at = 0; at < whole.length; at += 512) fillPattern(pieces.subarray(at, at + 512), 1024 * 1024 + at, pattern)
    assert.ok(pieces.equals(whole), pattern.kind)
  }
})

test('random is the key stream that the documentation names, beyond 2^32 blocks too', () => {
  const offset = 2 ** 37 + 512
  const counter = Buffer.from('00000000000000000000000200000020', 'hex')
  const key = createHash('sha256').update('seed').digest().subarray(0, 16)
  const expected = createCipheriv('aes-128-ctr', key, counter).update(Buffer.alloc(4096))
  const got = Buffer.alloc(4096)
  fillPattern(got, offset, { kind: 'random', seed: 'seed' })
  assert.ok(got.equals(expected))
})

test('other seeds and other places give other bytes', () => {
  const seen = new Set<string>()
  for (const kind of ['random', 'text'] as const) {
    for (const seed of ['1', '2']) {
      for (const offset of [0, 512, 2 ** 40]) {
        const bytes = Buffer.alloc(512)
        fillPattern(bytes, offset, { kind, seed })
        seen.add(bytes.toString('latin1'))
      }
    }
  }
  assert.equal(seen.size, 12)
})

test('seeded numbers repeat, spread over their range, and keep below their limit', () => {
  const [one, two, other] = [seededNumbers('x'), seededNumbers('x'), seededNumbers('y')]
  const drawn = Array.from({ length: 10_000 }, () => one(1000))
  assert.deepEqual(
    drawn,
    Array.from({ length: 10_000 }, () => two(1000)),
  )
  assert.notDeepEqual(
    drawn,
    Array.from({ length: 10_000 }, () => other(1000)),
  )
  assert.ok(drawn.every((number) => Number.isInteger(number) && number >= 0 && number < 1000))
  const counts = Array.from({ length: 10 }, (_, tenth) => drawn.filter((number) => Math.floor(number / 100) === tenth).length)
  for (const count of counts) assert.ok(count > 850 && count < 1150, `${counts}`)
  const large = Array.from({ length: 1000 }, () => one(2 ** 53))
  assert.ok(large.every((number) => Number.isSafeInteger(number) && number < 2 ** 53) && large.some((number) => number > 2 ** 52))
})

test('distinct numbers are distinct, ascending, and as many as asked, up to all there are', () => {
  for (const [count, below] of [
    [0, 5],
    [5, 5],
    [100, 101],
    [1000, 2 ** 40],
  ] as const) {
    const chosen = distinctNumbers(seededNumbers(`${count}`), count, below)
    assert.equal(new Set(chosen).size, count)
    assert.ok(chosen.every((number, index) => number >= 0 && number < below && (index === 0 || number > (chosen[index - 1] as number))))
  }
})
