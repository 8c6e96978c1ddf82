import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Extent } from '../block/block.ts'
import { fromByte, planSegments } from './segments.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

const bytes = (extents: readonly Extent[]) => extents.reduce((sum, { length }) => sum + length, 0)

test('segments together are exactly the extents, in order', () => {
  const seed = Number(process.env.UNDERSTUDY_TEST_SEED ?? Date.now() % 1_000_000)
  let state = seed
  const random = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const extents: Extent[] = []
  for (let at = 0; extents.length < 500; ) {
    const offset = at + random(64) * 65536
    const length = (1 + random(200)) * 65536
    extents.push({ offset, length })
    at = offset + length + 65536
  }
  const segments = planSegments(extents, 16 * MIB)
  const joined: Extent[] = []
  for (const { extents: part } of segments) {
    for (const extent of part) {
      const last = joined.at(-1)
      if (last !== undefined && last.offset + last.length === extent.offset)
        joined[joined.length - 1] = { offset: last.offset, length: last.length + extent.length }
      else joined.push(extent)
    }
  }
  assert.deepEqual(joined, extents, `UNDERSTUDY_TEST_SEED=${seed}`)
  for (const [nth, { end, extents: part }] of segments.entries()) {
    assert.ok(part.every(({ offset, length }) => offset + length <= end))
    assert.ok(segments.slice(nth + 1).every((later) => later.extents.every(({ offset }) => offset >= end)))
  }
})

test('a first copy of 20 GiB loses at most 2 % when it breaks off', () => {
  const segments = planSegments([{ offset: 0, length: 20 * GIB }])
  assert.ok(segments.every(({ extents }) => bytes(extents) <= 0.02 * 20 * GIB))
})

test('a small delta is one segment, and nothing is none', () => {
  assert.equal(
    planSegments([
      { offset: 0, length: 65536 },
      { offset: 10 * GIB, length: 65536 },
    ]).length,
    1,
  )
  assert.deepEqual(planSegments([]), [])
})

test('what lies beyond a checkpoint is cut at it', () => {
  const extents = [
    { offset: 0, length: 100 },
    { offset: 200, length: 100 },
    { offset: 400, length: 100 },
  ]
  assert.deepEqual(fromByte(extents, 250), [
    { offset: 250, length: 50 },
    { offset: 400, length: 100 },
  ])
  assert.deepEqual(fromByte(extents, 0), extents)
  assert.deepEqual(fromByte(extents, 500), [])
})
