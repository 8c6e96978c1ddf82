import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivedRpo, judgeProtection, type ProtectionFacts, span } from './judge-protection.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOW = Date.parse('2026-05-01T12:00:00Z')
const facts = (more: Partial<ProtectionFacts> = {}): ProtectionFacts => ({
  now: NOW,
  askedRpo: HOUR,
  newestPoint: NOW - 10 * MINUTE,
  firstSeen: NOW - 24 * HOUR,
  lastState: 'success',
  lastErrorText: null,
  underWay: false,
  jobEnabled: true,
  schedulesEnabled: true,
  failedOver: false,
  ...more,
})

for (const [what, more, state] of [
  ['young restore point', {}, 'protected'],
  ['exactly four fifths of the asked RPO old', { newestPoint: NOW - 48 * MINUTE }, 'protected'],
  ['older than four fifths', { newestPoint: NOW - 48 * MINUTE - 1 }, 'at-risk'],
  ['exactly as old as asked', { newestPoint: NOW - HOUR }, 'at-risk'],
  ['older than asked', { newestPoint: NOW - HOUR - 1 }, 'missed'],
  ['young, but the last run failed', { lastState: 'failed' }, 'at-risk'],
  ['young, but the last run was interrupted', { lastState: 'interrupted' }, 'at-risk'],
  ['young, and somebody cancelled the last run', { lastState: 'cancelled' }, 'protected'],
  ['old, and the last run failed', { lastState: 'failed', newestPoint: NOW - 2 * HOUR }, 'missed'],
  ['a source whose clock is ahead', { newestPoint: NOW + 5 * MINUTE }, 'protected'],
  ['no restore point, just chosen', { newestPoint: null, lastState: null, firstSeen: NOW - MINUTE }, 'pending'],
  ['no restore point for longer than asked', { newestPoint: null, lastState: null }, 'missed'],
  [
    'restore points that somebody removed, just after a run',
    { newestPoint: null, lastState: 'success', firstSeen: NOW - MINUTE },
    'missed',
  ],
  ['restore points that somebody removed, and are made anew', { newestPoint: null, lastState: 'success', underWay: true }, 'pending'],
  ['a first copy that takes longer than the asked RPO', { newestPoint: null, lastState: null, underWay: true }, 'pending'],
  ['the first run failed', { newestPoint: null, lastState: 'failed', firstSeen: NOW - MINUTE }, 'at-risk'],
  ['the first run failed, and no other came for longer than asked', { newestPoint: null, lastState: 'failed' }, 'missed'],
  ['the second first run is under way', { newestPoint: null, lastState: 'failed', underWay: true, firstSeen: NOW }, 'at-risk'],
  ['job disabled', { jobEnabled: false, newestPoint: NOW - 9 * HOUR }, 'paused'],
  ['schedules disabled', { schedulesEnabled: false }, 'paused'],
  ['no tick ever', { askedRpo: null }, 'paused'],
  ['failed over', { failedOver: true, jobEnabled: false }, 'failed-over'],
] as const) {
  test(`${state}: ${what}`, () => assert.equal(judgeProtection(facts(more as Partial<ProtectionFacts>)).state, state))
}

test('the state changes by time at the instant that was told, and not a millisecond before', () => {
  for (const start of [
    facts(),
    facts({ lastState: 'failed' }),
    facts({ newestPoint: null, lastState: null, firstSeen: NOW - MINUTE }),
    facts({ newestPoint: null, lastState: 'failed', firstSeen: NOW - MINUTE }),
  ]) {
    let now = NOW
    const states = []
    for (let judged = judgeProtection(start); ; judged = judgeProtection({ ...start, now })) {
      states.push(judged.state)
      if (judged.changesAt === null) break
      assert.ok(judged.changesAt > now)
      assert.equal(judgeProtection({ ...start, now: judged.changesAt - 1 }).state, judged.state)
      now = judged.changesAt
      assert.notEqual(judgeProtection({ ...start, now }).state, judged.state)
    }
    assert.equal(states.at(-1), 'missed')
  }
})

test('reasons have the numbers', () => {
  assert.equal(judgeProtection(facts({ newestPoint: NOW - 2 * HOUR })).reason, 'the newest restore point is 2 h old; 60 min was asked for')
  assert.match(judgeProtection(facts({ lastState: 'failed', lastErrorText: 'no route' })).reason, /failed \(no route\)/)
})

test('spans of time in words', () => {
  const said = [
    [999, '0 s'],
    [59_999, '59 s'],
    [90_000, '1 min'],
    [90 * MINUTE, '90 min'],
    [25.5 * HOUR, '25.5 h'],
    [72 * HOUR, '3 days'],
  ] as const
  for (const [time, text] of said) assert.equal(span(time), text)
})

test('without one that was set, the asked RPO is the longest gap of the closest schedule and half of it', () => {
  assert.equal(derivedRpo([10 * MINUTE, 24 * HOUR, null]), 15 * MINUTE)
  assert.equal(derivedRpo([null]), null)
  assert.equal(derivedRpo([]), null)
})
