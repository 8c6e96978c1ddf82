import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Failure } from '../core/failure.ts'
import { cronTicks, ticksOf } from './cron-ticks.ts'

/** The ticks after an instant, as local wall clock with the offset from UTC. */
function walk(expression: string, zone: string, from: string, count: number): string[] {
  const ticks = cronTicks(expression, zone)
  const out: string[] = []
  let at: number | null = Date.parse(from)
  for (let nth = 0; nth < count; nth++) {
    at = ticks.after(at as number)
    if (at === null) break
    out.push(new Date(at).toISOString().slice(0, 16))
  }
  return out
}

for (const [what, expression, zone, from, expected] of [
  [
    '02:30 that does not exist ticks as clocks go forward',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-03-28T00:00Z',
    ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'],
  ],
  [
    '02:30 that exists twice ticks the first time only',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-10-24T00:00Z',
    ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'],
  ],
  [
    'New York, forward',
    '30 2 * * *',
    'America/New_York',
    '2026-03-07T00:00Z',
    ['2026-03-07T07:30', '2026-03-08T07:00', '2026-03-09T06:30'],
  ],
  ['New York, back', '30 1 * * *', 'America/New_York', '2026-10-31T00:00Z', ['2026-10-31T05:30', '2026-11-01T05:30', '2026-11-02T06:30']],
  [
    'a zone with half hours and no daylight saving',
    '0 2 * * *',
    'Asia/Kolkata',
    '2026-05-01T00:00Z',
    ['2026-05-01T20:30', '2026-05-02T20:30'],
  ],
  ['a zone with quarter hours', '0 0 * * *', 'Asia/Kathmandu', '2026-05-01T00:00Z', ['2026-05-01T18:15', '2026-05-02T18:15']],
  [
    'clocks that go forward by half an hour',
    '15 2 * * *',
    'Australia/Lord_Howe',
    '2026-10-02T00:00Z',
    ['2026-10-02T15:45', '2026-10-03T15:30', '2026-10-04T15:15'],
  ],
  [
    'every half hour, forward: neither gap nor repetition',
    '*/30 * * * *',
    'Europe/Berlin',
    '2026-03-29T00:00Z',
    ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
  ],
  [
    'every half hour, back: neither gap nor repetition',
    '*/30 * * * *',
    'Europe/Berlin',
    '2026-10-24T23:45Z',
    ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30', '2026-10-25T02:00'],
  ],
  ['the last day of February of a leap year', '0 0 29 2 *', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T00:00', '2032-02-29T00:00']],
  ['weekdays', '0 8 * * 1-5', 'UTC', '2026-05-01T07:00Z', ['2026-05-01T08:00', '2026-05-04T08:00']],
  ['a day that never comes', '0 0 31 2 *', 'UTC', '2026-05-01T07:00Z', []],
] as const) {
  test(`cron: ${what}`, () => assert.deepEqual(walk(expression, zone, from, expected.length || 1), expected))
}

for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Chatham']) {
  test(`cron in ${zone}: over a year each day has its tick, once, and looking back finds what looking ahead found`, () => {
    const ticks = cronTicks('30 2 * * *', zone)
    const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
    let at = ticks.after(Date.parse('2026-01-01T00:00Z')) as number
    const days = new Set<string>()
    for (let nth = 0; nth < 365; nth++) {
      days.add(day.format(at))
      assert.equal(ticks.atOrBefore(at), at)
      assert.equal(ticks.atOrBefore(at + 60_000), at)
      const next = ticks.after(at) as number
      assert.equal(ticks.atOrBefore(next - 1), at, `before ${new Date(next).toISOString()}`)
      assert.ok(next - at >= 23 * 3_600_000 && next - at <= 25 * 3_600_000)
      at = next
    }
    assert.equal(days.size, 365)
  })
}

test('cron ticks are counted up to a limit', () => {
  const ticks = cronTicks('0 * * * *', 'UTC')
  const from = Date.parse('2026-05-01T00:00Z')
  assert.equal(ticks.count(from, from + 24 * 3_600_000, 100), 24)
  assert.equal(ticks.count(from, from + 24 * 3_600_000, 5), 5)
  assert.equal(ticks.count(from, from, 5), 0)
})

for (const [expression, zone] of [
  ['60 * * * *', 'UTC'],
  ['* * * *', 'UTC'],
  ['* * * * * *', 'UTC'],
  ['@daily', 'UTC'],
  ['a b c d e', 'UTC'],
  ['*/0 * * * *', 'UTC'],
  ['', 'UTC'],
  ['* * * * *', 'Mars/Phobos'],
  ['* * * * *', ''],
] as const) {
  test(`"${expression}" in "${zone}" is refused with one clear error`, () => {
    assert.throws(
      () => ticksOf({ kind: 'cron', expression, timeZone: zone }, 'job'),
      (error: Failure) => error.code === 'JOB_INVALID' && error.hint !== '',
    )
  })
}
