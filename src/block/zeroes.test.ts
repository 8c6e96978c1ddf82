import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { dataRuns, isZero } from './zeroes.ts'

const seed = testSeed()

test('one byte anywhere makes data not zero, also across pieces of 1 MiB', () => {
  for (const length of [1, 512, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20]) {
    const data = Buffer.alloc(length)
    assert.equal(isZero(data), true, `${length}`)
    for (const at of [0, length >> 1, length - 1]) {
      data[at] = 1
      assert.equal(isZero(data), false, `${length} at ${at}`)
      data[at] = 0
    }
  }
  assert.equal(isZero(Buffer.alloc(0)), true)
})

test(`runs hold everything that is not zero, begin and end at granules of the disk, and none could be shorter (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 500; round++) {
    const granule = 512 * (1 + random(8))
    const offset = 512 * random(64)
    const data = Buffer.alloc(512 * (1 + random(64)))
    for (let strokes = random(6); strokes > 0; strokes--) randomBytes(random, 512).copy(data, 512 * random(data.length / 512))
    const back = Buffer.alloc(data.length)
    let last = -1
    for (const run of dataRuns(offset, data, granule)) {
      assert.ok(run.offset > last, 'runs touch or go back')
      last = run.offset + run.data.length
      assert.equal(run.data.buffer, data.buffer, 'a run is no copy')
      for (const edge of [run.offset, last]) assert.ok(edge === offset || edge === offset + data.length || edge % granule === 0)
      for (let at = 0; at < run.data.length; ) {
        const next = Math.min(run.data.length, at + granule - ((run.offset + at) % granule))
        assert.equal(isZero(run.data.subarray(at, next)), false, 'a zero granule is part of a run')
        at = next
      }
      run.data.copy(back, run.offset - offset)
    }
    assert.ok(back.equals(data))
  }
})
