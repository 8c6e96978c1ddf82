import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EndedRun, RunSums } from './run-figures.ts'

const NOW = Date.parse('2026-11-23T14:30:00.000Z')
const SR = { pool: 'p', sr: 's' }

function run(startedAt: string, endedAt: string, bytesSent: number, more: Partial<EndedRun> = {}): EndedRun {
  const totals = { vms: 1, succeeded: 1, failed: 0, changedBytes: bytesSent * 2, bytesRead: 0, bytesSent, fulls: 0 }
  return { id: 'r', job: 'j', state: 'success', dryRun: false, startedAt, endedAt, totals, ...more }
}

test('what a run sent counts in the hours that it took, evenly; the run in the hour of its end', () => {
  const sums = new RunSums()
  sums.add(run('2026-11-23T10:30:00.000Z', '2026-11-23T12:30:00.000Z', 4000), [SR])
  const { since, hours } = sums.at(NOW)
  assert.equal(since, '2026-11-23T10:00:00.000Z')
  assert.deepEqual(
    hours.map(({ from, bytesSent, changedBytes, runs }) => [from.slice(11, 13), bytesSent, changedBytes, runs]),
    [
      ['10', 1000, 2000, 0],
      ['11', 2000, 4000, 0],
      ['12', 1000, 2000, 1],
    ],
  )
})

test('a run that took no time is not lost', () => {
  const sums = new RunSums()
  sums.add(run('2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z', 7), [])
  assert.deepEqual(
    sums.at(NOW).hours.map(({ bytesSent, runs }) => [bytesSent, runs]),
    [[7, 1]],
  )
})

test('failed runs are counted as such; dry runs and those that never began count for nothing', () => {
  const sums = new RunSums()
  sums.add(run('2026-11-23T10:00:00.000Z', '2026-11-23T10:01:00.000Z', 5, { state: 'partial' }), [])
  sums.add(run('2026-11-23T10:00:00.000Z', '2026-11-23T10:01:00.000Z', 5, { dryRun: true }), [])
  sums.add(run('2026-11-23T10:00:00.000Z', '2026-11-23T10:01:00.000Z', 5, { startedAt: null, state: 'skipped' }), [])
  assert.deepEqual(
    sums.at(NOW).hours.map(({ bytesSent, runs, failed }) => [bytesSent, runs, failed]),
    [[5, 1, 1]],
  )
})

test('each target gets its share of what runs sent in the last week; older runs are forgotten', () => {
  const sums = new RunSums()
  const other = { pool: 'p', sr: 'other' }
  sums.add(run('2026-11-23T10:00:00.000Z', '2026-11-23T10:01:00.000Z', 100), [SR, other])
  sums.add(run('2026-11-20T10:00:00.000Z', '2026-11-20T10:01:00.000Z', 30), [SR])
  sums.add(run('2026-11-10T10:00:00.000Z', '2026-11-10T10:01:00.000Z', 1000), [SR])
  sums.add(run('2026-09-10T10:00:00.000Z', '2026-09-10T10:01:00.000Z', 1000), [SR])
  const { since, targets } = sums.at(NOW)
  assert.deepEqual(targets.map(({ sr, bytesSent }) => [sr, bytesSent]).toSorted(), [
    ['other', 50],
    ['s', 80],
  ])
  assert.equal(since, '2026-11-10T10:00:00.000Z')
})
