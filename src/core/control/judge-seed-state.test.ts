import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeSeedState, type SeedFacts } from './judge-seed-state.ts'

const DAY = 86_400_000
const TAKEN = Date.UTC(2026, 0, 5)
const facts = (change: Partial<SeedFacts> = {}): SeedFacts => ({
  points: [{ uuid: 'point', takenAt: TAKEN, copyOf: 'snapshot' }],
  replica: { uuid: 'replica', powerState: 'Halted', startedAt: undefined, written: false },
  sourceHas: () => true,
  now: TAKEN + DAY,
  ...change,
})
const replica = (change: object) => ({
  replica: { uuid: 'replica', powerState: 'Halted', startedAt: undefined, written: false, ...change },
})

for (const [state, change] of [
  ['fresh', {}],
  ['fresh', { sourceHas: undefined }],
  ['none', { points: [] }],
  ['used', { points: [1, 2].map((nth) => ({ uuid: `${nth}`, takenAt: TAKEN, copyOf: undefined })) }],
  ['started', replica({ powerState: 'Running' })],
  ['started', replica({ startedAt: TAKEN + 1 })],
  ['fresh', replica({ startedAt: TAKEN - 1 })],
  ['altered', replica({ written: true })],
  ['base-gone', { sourceHas: () => false }],
  ['old', { now: TAKEN + 8 * DAY }],
] as const) {
  test(`a seed is ${state}: ${JSON.stringify(change)}`, () => assert.equal(judgeSeedState(facts(change)).state, state))
}
