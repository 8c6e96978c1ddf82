import assert from 'node:assert/strict'
import { test } from 'node:test'
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
