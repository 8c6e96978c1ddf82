import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { judgeDue, MOST_MISSED } from './due.ts'
import { heldUntil, nextWindowChange } from './maintenance.ts'
import type { MaintenanceWindow } from './settings.ts'
import { intervalTicks, longestGap, spreadOf, type Ticks } from './ticks.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const at = (text: string) => Date.parse(text)

test('ticks of an interval are at multiples of it since the epoch, moved by the spread', () => {
  const ticks = intervalTicks(10, 90_000)
  assert.equal(ticks.after(at('2026-05-01T12:00:00Z')), at('2026-05-01T12:01:30Z'))
  assert.equal(ticks.after(at('2026-05-01T12:01:30Z')), at('2026-05-01T12:11:30Z'))
  assert.equal(ticks.atOrBefore(at('2026-05-01T12:01:30Z')), at('2026-05-01T12:01:30Z'))
  assert.equal(ticks.atOrBefore(at('2026-05-01T12:01:29.999Z')), at('2026-05-01T11:51:30Z'))
  assert.equal(ticks.count(at('2026-05-01T12:01:30Z'), at('2026-05-01T13:01:30Z'), 100), 6)
  assert.equal(ticks.count(at('2026-05-01T12:01:30Z'), at('2027-05-01T13:01:30Z'), 100), 100)
  assert.equal(ticks.count(at('2026-05-01T13:00:00Z'), at('2026-05-01T12:00:00Z'), 100), 0)
})

test('100 jobs at 10 minutes do not start together: no second has more than a few, and each keeps its own', () => {
  const jobs = Array.from({ length: 100 }, () => randomUUID())
  const seconds = new Map<number, number>()
  for (const job of jobs) {
    const spread = spreadOf(job, 10)
    assert.equal(spread, spreadOf(job, 10))
    assert.ok(spread >= 0 && spread < 5 * MINUTE)
    const second = Math.floor(spread / 1000)
    seconds.set(second, (seconds.get(second) ?? 0) + 1)
  }
  // 100 among 300 places by chance: eight in one has a probability of about one in ten thousand million.
  assert.ok(Math.max(...seconds.values()) < 8)
  assert.ok(seconds.size > 50)
})

test('the spread is less than half of the interval, and than ten minutes', () => {
  for (let nth = 0; nth < 200; nth++) {
    assert.ok(spreadOf(randomUUID(), 1) < 30_000)
    assert.ok(spreadOf(randomUUID(), 10_080) < 10 * MINUTE)
  }
})

test('the longest gap of an interval is the interval; of weekday ticks it is the weekend', () => {
  assert.equal(longestGap(intervalTicks(10, 1234), at('2026-05-01T00:00:00Z')), 10 * MINUTE)
  assert.equal(longestGap(intervalTicks(10_080, 0), at('2026-05-01T00:00:00Z')), 7 * 24 * HOUR)
  assert.equal(longestGap(workdays(10), at('2026-05-01T00:00:00Z')), 3 * 24 * HOUR - 10 * HOUR + 10 * MINUTE)
  assert.equal(longestGap({ after: () => null, atOrBefore: () => null, count: () => 0 }, 0), null)
})

/** Every so many minutes from 08:00 to 17:50 UTC, Monday to Friday. */
function workdays(minutes: number): Ticks {
  const every = minutes * MINUTE
  const works = (time: number) => {
    const date = new Date(time)
    return date.getUTCDay() % 6 !== 0 && date.getUTCHours() >= 8 && date.getUTCHours() < 18
  }
  const step = (from: number, by: number) => {
    let time = from
    while (!works(time)) time += by
    return time
  }
  return {
    after: (time) => step((Math.floor(time / every) + 1) * every, every),
    atOrBefore: (time) => step(Math.floor(time / every) * every, -every),
    count: () => 0,
  }
}

const tenMinutes = intervalTicks(10, 0)
const noon = at('2026-05-01T12:00:00Z')
const due = (now: number, lastTick: number, held: number | null = null) => judgeDue({ now, lastTick, ticks: tenMinutes, heldUntil: held })

test('a tick is waited for, then it is due, once', () => {
  assert.deepEqual(due(noon + MINUTE, noon), { kind: 'wait', until: noon + 10 * MINUTE })
  assert.deepEqual(due(noon + 10 * MINUTE, noon), { kind: 'run', tick: noon + 10 * MINUTE, missed: 0, late: false })
  assert.deepEqual(due(noon + 10 * MINUTE, noon + 10 * MINUTE), { kind: 'wait', until: noon + 20 * MINUTE })
})

test('R1: ticks that were missed make one run, which says how many they were', () => {
  assert.deepEqual(due(noon + 65 * MINUTE, noon), { kind: 'run', tick: noon + 60 * MINUTE, missed: 5, late: true })
  assert.deepEqual(due(noon + 60 * MINUTE, noon), { kind: 'run', tick: noon + 60 * MINUTE, missed: 5, late: false })
  const year = due(noon + 365 * 24 * HOUR, noon)
  assert.equal(year.kind === 'run' && year.missed, MOST_MISSED)
})

test('maintenance holds a due tick up to its end, and then it runs, once', () => {
  assert.deepEqual(due(noon + 10 * MINUTE, noon, noon + HOUR), { kind: 'wait', until: noon + HOUR })
  assert.deepEqual(due(noon + 5 * MINUTE, noon, noon + HOUR), { kind: 'wait', until: noon + 10 * MINUTE })
  assert.deepEqual(due(noon + HOUR, noon, noon + HOUR), { kind: 'run', tick: noon + HOUR, missed: 5, late: false })
})

test('a clock that goes back a little runs no tick twice', () => {
  assert.deepEqual(due(noon - 5 * MINUTE, noon), { kind: 'wait', until: noon + 10 * MINUTE })
})

test('a clock that was ahead by a year does not stop the schedule for a year', () => {
  const wrong = noon + 365 * 24 * HOUR
  assert.deepEqual(due(noon + MINUTE, wrong), { kind: 'wait', until: noon + 10 * MINUTE, lastTick: noon + MINUTE })
})

test('a schedule without any more ticks never runs', () => {
  assert.deepEqual(
    judgeDue({ now: 1, lastTick: 0, ticks: { after: () => null, atOrBefore: () => null, count: () => 0 }, heldUntil: null }),
    {
      kind: 'never',
    },
  )
})

test('over a simulated year with a server that is often down, a schedule runs once a tick, or once for those it missed', () => {
  let lastTick = noon
  let runs = 0
  let missed = 0
  let now = noon
  let step = 1
  while (now < noon + 365 * 24 * HOUR) {
    const judged = due(now, lastTick)
    assert.ok(judged.kind !== 'never')
    if (judged.kind === 'run') {
      assert.ok(judged.tick > lastTick && judged.tick <= now)
      lastTick = judged.tick
      runs++
      missed += judged.missed
      continue
    }
    // Down for up to five hours, now and then.
    step = (step * 48271) % 2147483647
    now = step % 50 === 0 ? now + (step % 300) * MINUTE : judged.until
  }
  assert.equal(runs + missed, (lastTick - noon) / (10 * MINUTE))
  assert.ok(missed > 1000 && runs > 20_000)
})

const window = (from: number, until: number, more: Partial<MaintenanceWindow> = {}): MaintenanceWindow => ({
  id: 'w',
  name: 'w',
  job: null,
  pool: null,
  from: new Date(from).toISOString(),
  until: new Date(until).toISOString(),
  ...more,
})

test('maintenance windows: of everything, of a job, of a pool; those that follow each other hold as one', () => {
  const job = { job: 'j', pools: [] }
  assert.equal(heldUntil([], noon, job), null)
  assert.equal(heldUntil([window(noon, noon + HOUR)], noon, job), noon + HOUR)
  assert.equal(heldUntil([window(noon, noon + HOUR)], noon + HOUR, job), null, 'its end is outside')
  assert.equal(heldUntil([window(noon + HOUR, noon + 2 * HOUR), window(noon - HOUR, noon + HOUR)], noon, job), noon + 2 * HOUR)
  assert.equal(heldUntil([window(noon, noon + HOUR, { job: 'other' })], noon, job), null)
  assert.equal(heldUntil([window(noon, noon + HOUR, { pool: 'p' })], noon, job), null, 'a pool holds up what uses it, not the job')
  assert.equal(heldUntil([window(noon, noon + HOUR, { pool: 'p' })], noon, { job: 'j', pools: ['q', 'p'] }), noon + HOUR)
  assert.equal(heldUntil([window(noon, noon + HOUR, { pool: 'p', job: 'other' })], noon, { job: 'j', pools: ['p'] }), null)
})

test('the next beginning or end of a window', () => {
  const windows = [window(noon + HOUR, noon + 2 * HOUR), window(noon - HOUR, noon)]
  assert.equal(nextWindowChange(windows, noon), noon + HOUR)
  assert.equal(nextWindowChange(windows, noon + HOUR), noon + 2 * HOUR)
  assert.equal(nextWindowChange(windows, noon + 2 * HOUR), null)
})
