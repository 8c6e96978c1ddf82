import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cut, randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { VhdError } from './error.ts'
import { checksumOf } from './footer.ts'
import { planVhd } from './plan-vhd.ts'
import { readVhd } from './read-vhd.ts'
import { VhdStreamWriter } from './write-vhd.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const SIZE = 9 << 20
const INTERESTING = [0, 1, 2, 4, 0x200, 0x1000, 0x20_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]

/** Damages a VHD: bytes flipped, fields replaced (checksums often made right again), pieces cut, doubled or removed. */
function damage(random: (below: number) => number, whole: Buffer): Buffer {
  const bytes = Buffer.from(whole)
  const strokes = 1 + random(3)
  for (let stroke = 0; stroke < strokes; stroke++) {
    const kind = random(6)
    if (kind === 0) bytes[random(3072)] = random(256)
    else if (kind === 1) bytes[random(bytes.length)] = random(256)
    else if (kind === 2) bytes.writeUInt32BE(INTERESTING[random(INTERESTING.length)] as number, random(2300 / 4) * 4)
    else if (kind === 3) bytes.writeUInt32BE(random(0xffff_ffff), 512 + 4 * random(16))
    else if (kind === 4) bytes.writeUInt32BE(random(20_000), 2048 + 4 * random(8))
    else bytes.copy(bytes, random(bytes.length), random(bytes.length), bytes.length)
  }
  if (random(4)) {
    bytes.writeUInt32BE(checksumOf(bytes.subarray(0, 512), 64), 64)
    bytes.writeUInt32BE(checksumOf(bytes.subarray(512, 1536), 36), 512 + 36)
  }
  const cutting = random(3)
  if (cutting === 0) return bytes.subarray(0, random(bytes.length))
  if (cutting === 1) return bytes
  const from = random(bytes.length)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.min(bytes.length, from + random(4096)))])
}

test(`damaged streams give VhdError or extents inside the disk, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const extents = randomExtents(random, SIZE, 30)
  const writer = new VhdStreamWriter(planVhd({ size: SIZE, extents }))
  const parts = extents.flatMap(({ offset, length }) => writer.write(offset, randomBytes(random, length)))
  const good = Buffer.concat([...parts, ...writer.finish()])
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const bytes = damage(random, good)
    let outcome = 'read'
    try {
      const vhd = await readVhd(cut(random, bytes), random(5) ? {} : { length: bytes.length })
      const seen = new Set<number>()
      for await (const { offset, data } of vhd.blocks()) {
        assert.ok(offset >= 0 && data.length > 0 && offset + data.length <= vhd.size && offset % 512 === 0 && data.length % 512 === 0)
        assert.ok(data.length <= 2 << 20)
        assert.ok(!seen.has(offset), 'an extent came twice')
        seen.add(offset)
      }
      assert.ok(vhd.bytesRead <= bytes.length)
    } catch (error) {
      if (!(error instanceof VhdError)) throw new Error(`round ${round}`, { cause: error })
      outcome = error.code
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  // A fuzzer that only ever meets one check proves little.
  if (rounds >= 300) assert.ok(outcomes.size >= 6, `outcomes: ${[...outcomes].join(' ')}`)
})
