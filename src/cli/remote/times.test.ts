import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duration, exactTime, formatMinutes, parseMinutes, parseTime, when } from './times.ts'

const now = Date.parse('2026-11-23T14:00:00.000Z')

test('durations have two units at most', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [59.4, '59 s'],
    [60, '1 min'],
    [3 * 3600 + 5 * 60, '3 h 5 min'],
    [2 * 86_400, '2 d'],
    [2 * 86_400 + 4 * 3600, '2 d 4 h'],
    [45 * 86_400 + 3600, '45 d'],
  ]
  for (const [seconds, text] of cases) assert.equal(duration(seconds), text)
})

test('times are relative to now, or exact in the time zone of the machine', () => {
  assert.equal(when('2026-11-23T13:57:00.000Z', now), '3 min ago')
  assert.equal(when('2026-11-23T16:00:00.000Z', now), 'in 2 h')
  assert.equal(when(null, now), '')
  assert.equal(when('2026-11-23T13:57:00.000Z', now, true), exactTime(Date.parse('2026-11-23T13:57:00.000Z')))
  assert.match(exactTime(now), /^2026-11-2[234] \d\d:\d\d:00$/)
})

test('minutes are read as people write them, and written so that they are read again', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['10m', 10],
    ['90', 90],
    ['1h30m', 90],
    ['2d', 2880],
    ['1w', 10_080],
    ['', undefined],
    ['10', 10],
    ['ten', undefined],
    ['10s', undefined],
    ['-5m', undefined],
  ]
  for (const [text, minutes] of cases) assert.equal(parseMinutes(text), minutes, text)
  for (const minutes of [1, 59, 60, 90, 1440, 1501, 10_080]) assert.equal(parseMinutes(formatMinutes(minutes)), minutes)
})

test('a moment is a date, a time, or so long ago', () => {
  assert.equal(parseTime('2d', now), now - 2 * 86_400_000)
  assert.equal(parseTime('2026-11-23T10:00Z', now), Date.parse('2026-11-23T10:00:00Z'))
  assert.equal(parseTime('2026-11-23', now), new Date(2026, 10, 23).getTime())
  assert.equal(parseTime('2026-11-23 10:00', now), new Date(2026, 10, 23, 10).getTime())
  for (const wrong of ['yesterday', '2026-13-40', '23.11.2026', '']) assert.equal(parseTime(wrong, now), undefined, wrong)
})
