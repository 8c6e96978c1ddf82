import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { newestFirst } from './restore-point-order.ts'

const seed = testSeed()

/** `g3@50`: generation 3, taken at 50. */
const parse = (text: string) =>
  text.split(' ').map((name) => {
    const [generation, takenAt] = name.slice(1).split('@').map(Number) as [number, number]
    return { name, generation, takenAt }
  })

for (const [what, points, expected] of [
  ['by time where there are no generations', 'g0@10 g0@30 g0@20', 'g0@30 g0@20 g0@10'],
  ['by generation, although the clock went back', 'g1@100 g3@60 g2@50', 'g3@60 g2@50 g1@100'],
  ['by generation within one second', 'g2@10 g1@10 g3@10', 'g3@10 g2@10 g1@10'],
  ['ours after those of the tool that began the chain', 'g0@10 g1@30 g0@20', 'g1@30 g0@20 g0@10'],
  ['those that another tool made in between by time', 'g1@10 g0@20 g2@30', 'g2@30 g0@20 g1@10'],
  ['ours first where times are equal', 'g0@10 g1@10', 'g1@10 g0@10'],
  // Pair by pair: g2 before g1 (generation), g1 before g0 (time), g0 before g2 (time).
  ['without going round in circles', 'g2@10 g0@20 g1@30', 'g2@10 g1@30 g0@20'],
] as const) {
  test(`restore points are ordered ${what}`, () => {
    assert.equal(
      newestFirst(parse(points))
        .map(({ name }) => name)
        .join(' '),
      expected,
    )
  })
}

test('a point that is yet to come (infinite time and generation) is the newest', () => {
  const coming = { name: 'coming', takenAt: Number.POSITIVE_INFINITY, generation: Number.POSITIVE_INFINITY }
  assert.equal(newestFirst([coming, ...parse('g9@99 g0@100')])[0]?.name, 'coming')
  assert.equal(newestFirst([...parse('g9@99 g0@100'), coming])[0]?.name, 'coming')
})

test(`the order does not depend on the order of the list, nor on points that are left out, as far as ours go (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 1000; round++) {
    const points = Array.from({ length: 1 + random(8) }, (_, nth) => {
      // Generations apart, times not.
      const generation = random(3) ? nth + 1 : 0
      return { name: `${generation}/${nth}`, generation, takenAt: generation === 0 ? 1000 + nth * 100 + random(100) : random(2000) }
    })
    const before = JSON.stringify(points)
    const ordered = newestFirst(points)
    assert.equal(JSON.stringify(points), before, 'the input stays as it was')
    assert.deepEqual(newestFirst([...points].reverse()), ordered)
    const generations = ordered.map(({ generation }) => generation).filter((generation) => generation > 0)
    assert.deepEqual(
      generations,
      generations.toSorted((a, b) => b - a),
    )
    const foreign = ordered.filter(({ generation }) => generation === 0).map(({ takenAt }) => takenAt)
    assert.deepEqual(
      foreign,
      foreign.toSorted((a, b) => b - a),
    )
  }
})
