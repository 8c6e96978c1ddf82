import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DamagedBytes, inChunks, lengthOf, withCut } from '../../test/support/damaged-bytes.ts'
import { randomBytes, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { Qcow2Error } from './error.ts'
import { planQcow2Export } from './export-qcow2.ts'
import { readQcow2 } from './read-qcow2.ts'

// Most inputs end in an error, whose stack nobody looks at and which costs more than finding it.
Error.stackTraceLimit = 2
const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const CLUSTER = 65_536
const SIZE = 40 * CLUSTER + 512
const INTERESTING = [0, 1, 2, 9, 21, 0x200, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0x4000_0000, 0xffff_ffff]
/** What the decoder may keep of a stream that claims much: far more than these tables, far less than a claim. */
const RUNS = 1000

/** Damages an image: bytes flipped, fields of the header and entries of the tables replaced, pieces put over others. */
function damage(random: (below: number) => number, whole: DamagedBytes): void {
  const strokes = 1 + random(3)
  for (let stroke = 0; stroke < strokes; stroke++) {
    const kind = random(6)
    const value = random(2) ? (INTERESTING[random(INTERESTING.length)] as number) : random(0xffff_ffff)
    if (kind === 0) whole.setByte(random(112), random(256))
    else if (kind === 1) whole.setWord(random(28) * 4, value)
    else if (kind === 2) whole.setByte(random(whole.length), random(256))
    // The tables: entries of eight bytes in the first words of a cluster.
    else if (kind === 3) whole.setWord((1 + random(4)) * CLUSTER + random(100) * 4, value)
    else if (kind === 4) whole.setWord((1 + random(4)) * CLUSTER + random(50) * 8 + 4, random(60) * CLUSTER)
    else whole.doublePiece(random(whole.length), random(whole.length), random(20_000))
  }
}

test(`damaged qcow2 streams give Qcow2Error or extents inside the disk, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const extents = [
    { offset: CLUSTER, length: 2 * CLUSTER },
    { offset: 20 * CLUSTER, length: CLUSTER },
    { offset: 40 * CLUSTER, length: 512 },
  ]
  const plan = planQcow2Export(SIZE, extents)
  const whole = new DamagedBytes(Buffer.concat([...plan.tables(), randomBytes(random, 4 * CLUSTER)]))
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    damage(random, whole)
    const parts = withCut(random, whole.bytes)
    let outcome = 'read'
    try {
      const image = await readQcow2(inChunks(random, parts), { maxRuns: RUNS, maxSize: 2 ** 40 })
      assert.ok(image.allocated.length <= RUNS)
      let end = 0
      for await (const { offset, data } of image.blocks()) {
        assert.ok(data.length > 0 && offset >= end && offset + data.length <= image.size && offset % 512 === 0)
        assert.ok(data.length <= 2 << 20)
        end = offset + data.length
      }
      assert.ok(image.bytesRead <= lengthOf(parts))
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw new Error(`round ${round}`, { cause: error })
      outcome = error.code
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    whole.mend()
  }
  // A fuzzer that only ever meets one check proves little.
  if (rounds >= 300) assert.ok(outcomes.size >= 6, `outcomes: ${[...outcomes].join(' ')}`)
})
