import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import type { Extent } from '../block/block.ts'
import { type PlannedRead, planReads } from './read-plan.ts'

const KIB = 1024
const GRANULE = 64 * KIB
const MIB = 1024 * KIB

async function plan(extents: Iterable<Extent> | AsyncIterable<Extent>, mergeUpTo = MIB, size = 2 ** 40): Promise<PlannedRead[]> {
  const reads: PlannedRead[] = []
  for await (const read of planReads(extents, { size, mergeUpTo })) reads.push(read)
  return reads
}

/** `x` is a granule that is wanted, `.` one that is not. */
function granules(map: string): Extent[] {
  return [...map].flatMap((mark, index) => (mark === 'x' ? [{ offset: index * GRANULE, length: GRANULE }] : []))
}

test('neighbours are read together, far ones apart, and gaps are read along only where a quarter is not exceeded', async () => {
  const table: [map: string, reads: [granule: number, granules: number][]][] = [
    ['', []],
    ['x', [[0, 1]]],
    ['xxx', [[0, 3]]],
    [
      'x.x',
      [
        [0, 1],
        [2, 1],
      ],
    ],
    ['xxx.x', [[0, 5]]],
    [
      'xx.x',
      [
        [0, 2],
        [3, 1],
      ],
    ],
    [
      'xxxxxx..xx',
      [
        [0, 6],
        [8, 2],
      ],
    ],
    [
      'xxx.x.x',
      [
        [0, 5],
        [6, 1],
      ],
    ],
    [
      'x'.repeat(20),
      [
        [0, 16],
        [16, 4],
      ],
    ],
    [
      `${'x'.repeat(15)}.xx`,
      [
        [0, 15],
        [16, 2],
      ],
    ],
  ]
  for (const [map, reads] of table) {
    assert.deepEqual(
      (await plan(granules(map))).map(({ offset, length }) => [offset / GRANULE, length / GRANULE]),
      reads,
      map,
    )
  }
})

test('a long extent is cut into reads of the longest length', async () => {
  const reads = await plan([{ offset: GRANULE, length: 3 * MIB + 512 }])
  assert.deepEqual(
    reads.map(({ offset, length }) => [offset - GRANULE, length]),
    [
      [0, MIB],
      [MIB, MIB],
      [2 * MIB, MIB],
      [3 * MIB, 512],
    ],
  )
})

test('every byte is wanted once, and no read takes more than a quarter on top', async (t) => {
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  for (let round = 0; round < 100; round++) {
    const size = 64 * MIB
    const extents = randomExtents(random, size, 400)
    const mergeUpTo = 512 * (1 + random(4096))
    let at = 0
    const wanted: Extent[] = []
    for (const read of await plan(extents, mergeUpTo, size)) {
      assert.ok(read.offset >= at && read.length <= mergeUpTo)
      at = read.offset + read.length
      const asked = read.wanted.reduce((sum, { length }) => sum + length, 0)
      assert.ok(read.length <= 1.25 * asked)
      assert.equal(read.wanted[0]?.offset, read.offset)
      const last = read.wanted.at(-1)
      assert.equal((last?.offset ?? 0) + (last?.length ?? 0), at)
      wanted.push(...read.wanted)
    }
    assert.deepEqual(joined(wanted), joined(extents))
  }
})

test('extents that overlap, go back, are no whole sectors or leave the disk are refused', async () => {
  const bad: Extent[][] = [
    [
      { offset: 0, length: 1024 },
      { offset: 512, length: 512 },
    ],
    [
      { offset: 4096, length: 512 },
      { offset: 0, length: 512 },
    ],
    [{ offset: 1, length: 512 }],
    [{ offset: 0, length: 100 }],
    [{ offset: 0, length: 0 }],
    [{ offset: -512, length: 512 }],
    [{ offset: Number.NaN, length: 512 }],
    [{ offset: MIB - 512, length: 1024 }],
  ]
  for (const extents of bad) await assert.rejects(plan(extents, MIB, MIB), { code: 'NBD_EXTENTS_INVALID' }, JSON.stringify(extents))
})

/** Touching extents as one. */
function joined(extents: readonly Extent[]): Extent[] {
  const result: { offset: number; length: number }[] = []
  for (const { offset, length } of extents) {
    const last = result.at(-1)
    if (last !== undefined && last.offset + last.length === offset) last.length += length
    else result.push({ offset, length })
  }
  return result
}
