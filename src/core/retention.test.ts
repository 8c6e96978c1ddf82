import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeRestorePoints } from './retention.ts'

/**
 * Restore points oldest first: `d4` of schedule d, fourth generation; `-` in front: not complete; `?4`: another tool's, without a
 * schedule. The same with `x` in front for those that go.
 */
function points(text: string) {
  return text.split(' ').map((word) => {
    const [, broken, schedule, number] = /^(-?)([a-z?])(\d+)$/.exec(word) as unknown as [string, string, string, string]
    return {
      uuid: word,
      schedule: schedule === '?' ? undefined : schedule,
      takenAt: 1000 * Number(number),
      generation: schedule === '?' ? 0 : Number(number),
      complete: broken === '',
    }
  })
}

for (const [what, before, schedule, keep, after] of [
  ['keeps everything while there is little', 'd1 d2', 'd', 3, 'd1 d2'],
  ['keeps the newest of the schedule', 'd1 d2 d3 d4 d5', 'd', 3, 'xd1 xd2 d3 d4 d5'],
  ['leaves other schedules to themselves', 'w1 d2 w3 d4 d5', 'd', 1, 'w1 xd2 w3 xd4 d5'],
  ['counts only its own', 'd1 w2 w3 w4 d5', 'd', 2, 'd1 w2 w3 w4 d5'],
  ["leaves another tool's alone", '?1 ?2 d3 d4', 'd', 1, '?1 ?2 xd3 d4'],
  ['removes what is not complete, whose ever it is, and does not count it', 'd1 -d2 d3 -w4 d5 -d6', 'd', 3, 'd1 x-d2 d3 x-w4 d5 x-d6'],
  ['G5: keeps the newest of all even when asked for none', 'd1 d2 d3', 'd', 0, 'xd1 xd2 d3'],
  ['G5: the newest complete one is not the newest one', 'd1 d2 -d3', 'd', 0, 'xd1 d2 x-d3'],
  ["removes all of its own when another schedule's is newer and none is asked for", 'd1 d2 w3', 'd', 0, 'xd1 xd2 w3'],
] as const) {
  test(`retention ${what}`, () => {
    const judged = new Map(judgeRestorePoints(points(before), schedule, keep).map((kept) => [kept.uuid, kept]))
    assert.equal(
      points(before)
        .map(({ uuid }) => `${judged.get(uuid)?.keep ? '' : 'x'}${uuid}`)
        .join(' '),
      after,
    )
    for (const { reason } of judged.values()) assert.ok(reason.length > 5)
  })
}

test('G5: the clock went back: the newest by generation is kept, not the newest by time', () => {
  const [old, newest] = [
    { uuid: 'old', schedule: 'd', takenAt: 9000, generation: 1, complete: true },
    { uuid: 'newest', schedule: 'd', takenAt: 1000, generation: 2, complete: true },
  ]
  assert.deepEqual(
    judgeRestorePoints([old, newest], 'd', 1).map(({ uuid, keep }) => [uuid, keep]),
    [
      ['newest', true],
      ['old', false],
    ],
  )
})

describe('restore points kept by hour, day, week and month', () => {
  const HOUR = 3_600_000
  const DAY = 24 * HOUR
  const start = Date.UTC(2026, 0, 1)
  /** One every six hours for `days` days, oldest first. */
  const series = (days: number) =>
    Array.from({ length: days * 4 }, (_, nth) => {
      return { uuid: `p${nth}`, schedule: 's', takenAt: start + nth * 6 * HOUR, generation: nth + 1, complete: true }
    })
  const kept = (points: ReturnType<typeof series>, rule: Parameters<typeof judgeRestorePoints>[2]) => {
    const stay = new Set(judgeRestorePoints(points, 's', rule).flatMap(({ uuid, keep }) => (keep ? [uuid] : [])))
    return points.filter(({ uuid }) => stay.has(uuid)).map(({ takenAt }) => new Date(takenAt).toISOString().slice(0, 13))
  }

  test('the newest of each of so many days, weeks and months, and the newest ones', () => {
    const points = series(70)
    assert.deepEqual(kept(points, { last: 2, daily: 3, monthly: 3 }), [
      '2026-01-31T18',
      '2026-02-28T18',
      '2026-03-09T18',
      '2026-03-10T18',
      '2026-03-11T12',
      '2026-03-11T18',
    ])
    // Weeks begin on Monday: 11 March 2026 is a Wednesday, 8 March a Sunday.
    assert.deepEqual(kept(points, { last: 1, weekly: 3 }), ['2026-03-01T18', '2026-03-08T18', '2026-03-11T18'])
    assert.deepEqual(kept(points, { last: 1, hourly: 3 }), ['2026-03-11T06', '2026-03-11T12', '2026-03-11T18'])
  })

  test('periods without a restore point are not counted', () => {
    const points = [
      ...series(2),
      ...series(2).map((point) => ({
        ...point,
        uuid: `${point.uuid}b`,
        takenAt: point.takenAt + 40 * DAY,
        generation: point.generation + 100,
      })),
    ]
    assert.deepEqual(kept(points, { last: 1, daily: 4 }), ['2026-01-01T18', '2026-01-02T18', '2026-02-10T18', '2026-02-11T18'])
  })

  test('G5: a year of runs thinned out as it goes keeps what a year thinned out at once keeps, newest of each period', () => {
    const rule = { last: 3, hourly: 5, daily: 7, weekly: 4, monthly: 12 }
    let left: ReturnType<typeof series> = []
    for (const point of series(365)) {
      left.push(point)
      const judged = new Map(judgeRestorePoints(left, 's', rule).map(({ uuid, keep }) => [uuid, keep]))
      assert.equal(judged.get(point.uuid), true, 'the newest stays')
      left = left.filter(({ uuid }) => judged.get(uuid))
    }
    assert.ok(left.length <= 3 + 5 + 7 + 4 + 12)
    const months = new Set(left.map(({ takenAt }) => new Date(takenAt).getUTCMonth()))
    assert.equal(months.size, 12)
  })

  test('every one that stays says why, and every one that goes too', () => {
    for (const { reason } of judgeRestorePoints(series(40), 's', { last: 1, daily: 2, weekly: 2 })) {
      assert.match(reason, /among the newest 1|newest of the (day|week) from 2026|beyond the newest 1, 2 daily, 2 weekly/)
    }
  })
})
