import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryPause } from './retry-pause.ts'

test('pauses grow from a second to a minute, and never beyond', () => {
  const middle = (failures: number) => retryPause(failures, 0.5)
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(middle), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
})

test('pools that went together do not come back together', () => {
  assert.equal(retryPause(7, 0), 45_000)
  assert.equal(retryPause(7, 1), 75_000)
})
