import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { createByteBudget } from './budget.ts'

/** Lets everything that is ready run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A demand and what became of it. */
function demand(budget: ReturnType<typeof createByteBudget>, bytes: number, signal?: AbortSignal) {
  const state: { granted: boolean; refused: unknown; release: () => void } = {
    granted: false,
    refused: undefined,
    release: () => assert.fail('not granted yet'),
  }
  budget.take(bytes, signal).then(
    (release) => Object.assign(state, { granted: true, release }),
    (error: unknown) => Object.assign(state, { refused: error }),
  )
  return state
}

test('what fits is granted at once, what does not waits until room is given back', async () => {
  const budget = createByteBudget(100)
  const [a, b, c] = [demand(budget, 60), demand(budget, 40), demand(budget, 1)]
  await turn()
  assert.deepEqual([a.granted, b.granted, c.granted, budget.used], [true, true, false, 100])
  b.release()
  await turn()
  assert.deepEqual([c.granted, budget.used], [true, 61])
})

test('first come, first served: a small demand does not overtake a large one, so the large one does not starve', async () => {
  const budget = createByteBudget(100)
  const held = [demand(budget, 50), demand(budget, 40)]
  const large = demand(budget, 90)
  const small = Array.from({ length: 20 }, () => demand(budget, 5))
  await turn()
  assert.equal(large.granted, false)
  assert.ok(small.every(({ granted }) => !granted))
  for (const { release } of held) release()
  await turn()
  assert.equal(large.granted, true)
  assert.equal(small.filter(({ granted }) => granted).length, 2)
  large.release()
  await turn()
  assert.ok(small.every(({ granted }) => granted))
})

test('a demand above the total is granted when nothing else is taken, and others wait for it', async () => {
  const budget = createByteBudget(100)
  const one = demand(budget, 1)
  const huge = demand(budget, 1000)
  const other = demand(budget, 1)
  await turn()
  assert.deepEqual([huge.granted, other.granted], [false, false])
  one.release()
  await turn()
  assert.deepEqual([huge.granted, other.granted, budget.used], [true, false, 1000])
  huge.release()
  await turn()
  assert.deepEqual([other.granted, budget.used], [true, 1])
})

test('giving back twice gives back once', async () => {
  const budget = createByteBudget(100)
  const [a, b] = [demand(budget, 30), demand(budget, 30)]
  await turn()
  a.release()
  a.release()
  assert.equal(budget.used, 30)
  b.release()
  assert.equal(budget.used, 0)
})

test('an abort rejects with its reason, takes nothing, and lets those behind go on', async () => {
  const budget = createByteBudget(100)
  const held = demand(budget, 60)
  const stop = new AbortController()
  const large = demand(budget, 80, stop.signal)
  const small = demand(budget, 10)
  await turn()
  assert.equal(small.granted, false)
  const reason = new Error('enough')
  stop.abort(reason)
  await turn()
  assert.equal(large.refused, reason)
  assert.deepEqual([small.granted, budget.used], [true, 70])
  held.release()
  small.release()
  assert.equal(budget.used, 0)
})

test('an abort before the demand rejects it, one after the grant changes nothing', async () => {
  const budget = createByteBudget(100)
  await assert.rejects(budget.take(10, AbortSignal.abort(new Error('too late'))), /too late/)
  assert.equal(budget.used, 0)
  const [first, stop] = [demand(budget, 100), new AbortController()]
  const waited = demand(budget, 10, stop.signal)
  await turn()
  first.release()
  await turn()
  stop.abort(new Error('after all'))
  await turn()
  assert.deepEqual([waited.granted, waited.refused, budget.used], [true, undefined, 10])
})

test('a budget of nothing is refused', () => {
  for (const total of [0, -1, Number.NaN]) assert.throws(() => createByteBudget(total), RangeError)
})

const seed = testSeed()
test(`never more than the total but for one large demand, grants in order, nothing lost (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  const budget = createByteBudget(1000)
  const stops: AbortController[] = []
  const held: { bytes: number; release: () => void }[] = []
  const granted: number[] = []
  const ended: Promise<unknown>[] = []
  for (let nth = 0; nth < 3000; nth++) {
    const bytes = 1 + random(random(20) ? 300 : 2500)
    const stop = new AbortController()
    stops.push(stop)
    ended.push(
      budget.take(bytes, stop.signal).then(
        (release) => {
          granted.push(nth)
          held.push({ bytes, release })
        },
        () => undefined,
      ),
    )
    if (random(10) === 0) stops[random(stops.length)]?.abort(new Error('gave up'))
    if (random(2)) await turn()
    while (held.length > 0 && random(2)) held.splice(random(held.length), 1)[0]?.release()
    assert.ok(budget.used <= 1000 || held.length <= 1, `${budget.used} bytes are out`)
  }
  for (let left = 0; left < 5000 && (budget.used > 0 || held.length > 0); left++) {
    for (const { release } of held.splice(0)) release()
    await turn()
  }
  await Promise.all(ended)
  assert.equal(budget.used, 0)
  assert.deepEqual(
    granted,
    granted.toSorted((a, b) => a - b),
  )
  assert.ok(granted.length > 1000)
})
