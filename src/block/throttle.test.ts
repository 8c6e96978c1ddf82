import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createThrottle } from './throttle.ts'

const never = new AbortController().signal

/** A clock that moves only when somebody waits, or is told to. */
function clock() {
  const time = { at: 5000, waited: 0 }
  return {
    time,
    now: () => time.at,
    wait: async (milliseconds: number) => {
      time.at += milliseconds
      time.waited += milliseconds
    },
  }
}

test('what is sent takes the time that the rate says, whatever the size of the pieces', async () => {
  for (const piece of [1000, 10_000, 333_333, 1_000_000]) {
    const { time, now, wait } = clock()
    const throttle = createThrottle(1_000_000, never, now, wait)
    let sent = 0
    for (; sent < 10_000_000; sent += piece) await throttle(piece)
    // The wait for the last piece is paid by the next.
    await throttle(0)
    assert.ok(Math.abs(time.waited - sent / 1000) < 1, `${piece}: ${time.waited} ms for ${sent} bytes`)
  }
})

test('a pause saves up a quarter of a second and no more', async () => {
  const { time, now, wait } = clock()
  const throttle = createThrottle(1_000_000, never, now, wait)
  time.at += 3_600_000
  for (let i = 0; i < 250; i++) await throttle(1000)
  assert.equal(time.waited, 0)
  await throttle(1000)
  await throttle(1000)
  assert.equal(time.waited, 1)
})

test('several transfers share one rate', async () => {
  const due: number[] = []
  const throttle = createThrottle(
    1000,
    never,
    () => 0,
    async (milliseconds) => void due.push(milliseconds),
  )
  await Promise.all([throttle(500), throttle(500), throttle(500), throttle(500)])
  assert.deepEqual(due, [500, 1000, 1500])
})

test('an abort ends the wait', async () => {
  const stop = new AbortController()
  const throttle = createThrottle(1, stop.signal)
  await throttle(1_000_000)
  const waiting = throttle(1)
  stop.abort(new Error('stopped'))
  await assert.rejects(waiting, { name: 'AbortError' })
})

test('a rate of nothing is refused', () => {
  for (const rate of [0, -5, Number.NaN]) assert.throws(() => createThrottle(rate, never), RangeError)
})
