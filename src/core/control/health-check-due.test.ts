import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isHealthCheckDue } from './health-check-due.ts'

const READY = { ready: ['tools'], readyTimeoutSeconds: 60 }
const NOON = Date.UTC(2026, 0, 5, 12)

test('every third run: the third, not before', () => {
  const check = { ...READY, every: { kind: 'runs', count: 3 } } as const
  const due = (runsSince: number) => isHealthCheckDue(check, { runsSince, begunAt: NOON, now: NOON })
  assert.deepEqual([1, 2, 3, 4].map(due), [false, false, true, true])
})

test('once a day: after the first run of a day of UTC, and when there never was one', () => {
  const check = { ...READY, every: { kind: 'day' } } as const
  const due = (begunAt: number | null, now: number) => isHealthCheckDue(check, { runsSince: 1, begunAt, now })
  assert.equal(due(null, NOON), true)
  assert.equal(due(NOON, NOON + 11 * 3_600_000), false)
  assert.equal(due(NOON, NOON + 12 * 3_600_000), true)
  assert.equal(due(NOON, NOON - 13 * 3_600_000), true, 'the clock was set back over midnight')
})
