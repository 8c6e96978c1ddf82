import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pauseBeforeRetry, runStateOf } from './run-outcome.ts'
import type { VmRunState } from './run-record.ts'
import { createTransferRate } from './transfer-rate.ts'

for (const [states, expected] of [
  [['success', 'success'], 'success'],
  [['success', 'skipped'], 'success'],
  [['skipped', 'skipped'], 'skipped'],
  [[], 'skipped'],
  [['success', 'failed'], 'partial'],
  [['failed', 'skipped'], 'failed'],
  [['success', 'failed', 'cancelled'], 'cancelled'],
  [['success', 'cancelled', 'interrupted'], 'interrupted'],
  [['success', 'running'], undefined],
  [['queued'], undefined],
  [['waiting', 'failed'], undefined],
] as const) {
  test(`a run of VM runs that are ${states.join(', ') || 'none'} is ${expected ?? 'not over'}`, () => {
    assert.equal(runStateOf(states as readonly VmRunState[]), expected)
  })
}

test('what may pass is tried again after growing pauses, so many times, and nothing else is', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((attempt) => pauseBeforeRetry(attempt, 4, true)),
    [30_000, 120_000, 300_000, 300_000, undefined],
  )
  assert.equal(pauseBeforeRetry(1, 0, true), undefined)
  assert.equal(pauseBeforeRetry(1, 5, false), undefined)
})

test('the rate is that of the last seconds, and begins anew when the count or the clock goes back', () => {
  const rate = createTransferRate()
  assert.equal(rate.perSecond(), null)
  for (let second = 0; second <= 60; second++) rate.note(second * 1000, second * 1000)
  assert.equal(rate.perSecond(), 1000)
  for (let second = 61; second <= 80; second++) rate.note(60_000 + (second - 60) * 5000, second * 1000)
  assert.equal(rate.perSecond(), 5000)
  rate.note(0, 81_000)
  assert.equal(rate.perSecond(), null)
  rate.note(700, 81_700)
  assert.equal(rate.perSecond(), 1000)
  rate.note(800, 5_000)
  assert.equal(rate.perSecond(), null)
})
