/** Times as the page tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duration, lossOf, partsWithInstants, relative } from '../../web/src/parts/measures.ts'

test('a span is told in two units at most; one that is under a second never as none', () => {
  const told: readonly (readonly [number, string])[] = [
    [0, '< 0.1 s'],
    [0.012, '< 0.1 s'],
    [0.05, '0.1 s'],
    [0.44, '0.4 s'],
    [0.949, '0.9 s'],
    [0.95, '1 s'],
    [1.4, '1 s'],
    [59.6, '1 min'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [90_061, '1 d 1 h'],
  ]
  for (const [seconds, text] of told) assert.equal(duration(seconds), text, `${seconds}`)
  assert.equal(duration(null), '–')
})

test('nothing lost is told as nothing, a little as how much', () => {
  assert.deepEqual([0, 0.3, 12, null].map(lossOf), ['nothing', '0.3 s', '12 s', '–'])
})

test('an age is told in whole units', () => {
  const now = Date.parse('2026-03-01T12:00:00.000Z')
  const of = (ms: number) => relative(new Date(now + ms).toISOString(), now)
  assert.deepEqual([0, -400, 4900, -12_300, 65_000].map(of), ['just now', 'just now', 'now', '12 s ago', 'in 1 min 5 s'])
})

test('instants of a sentence are found with the age that was said beside them; nothing else is', () => {
  assert.deepEqual(partsWithInstants('wrote since 2026-03-01T12:00:00.123Z (47 seconds ago), and 2026-03-02T00:00:00Z'), [
    'wrote since ',
    '2026-03-01T12:00:00.123Z',
    ', and ',
    '2026-03-02T00:00:00Z',
    '',
  ])
  for (const text of ['', 'no time', 'backup 20260301T120000Z (2 seconds ago)', '2026-03-01 12:00']) {
    assert.deepEqual(partsWithInstants(text), [text])
  }
})
