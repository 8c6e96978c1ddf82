import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DamagedBytes, inChunks, lengthOf, withCut } from '../../test/support/damaged-bytes.ts'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { smallVhd } from '../../test/support/small-vhd.ts'
import { bitmapBytes, placedBlocks, setRuns } from './block-table.ts'
import { VhdError } from './error.ts'
import { checksumOf, decodeFooter, encodeFooter } from './footer.ts'
import { decodeHeader, encodeHeader } from './header.ts'
import { planVhd } from './plan-vhd.ts'
import { readVhd } from './read-vhd.ts'
import { VhdStreamWriter } from './write-vhd.ts'

// Most inputs end in an error, whose stack nobody looks at and which costs more than finding it.
Error.stackTraceLimit = 2
const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const INTERESTING = [0, 1, 2, 4, 0x200, 0x1000, 0x20_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]

/** Damages a VHD: bytes flipped, fields replaced (checksums often made right again), pieces put over others. */
function damage(random: (below: number) => number, whole: DamagedBytes): void {
  const strokes = 1 + random(3)
  for (let stroke = 0; stroke < strokes; stroke++) {
    const kind = random(6)
    if (kind === 0) whole.setByte(random(3072), random(256))
    else if (kind === 1) whole.setByte(random(whole.length), random(256))
    else if (kind === 2) whole.setWord(random(2300 / 4) * 4, INTERESTING[random(INTERESTING.length)] as number)
    else if (kind === 3) whole.setWord(512 + 4 * random(16), random(0xffff_ffff))
    else if (kind === 4) whole.setWord(2048 + 4 * random(8), random(20_000))
    else whole.doublePiece(random(whole.length), random(whole.length), random(8192))
  }
  if (random(4)) {
    whole.setWord(64, checksumOf(whole.bytes.subarray(0, 512), 64))
    whole.setWord(512 + 36, checksumOf(whole.bytes.subarray(512, 1536), 36))
  }
}

/** What our writer makes: blocks of 2 MiB. */
function usualVhd(random: (below: number) => number): Buffer {
  const size = 9 << 20
  const extents = randomExtents(random, size, 30)
  const writer = new VhdStreamWriter(planVhd({ size, extents }))
  const parts = extents.flatMap(({ offset, length }) => writer.write(offset, randomBytes(random, length)))
  return Buffer.concat([...parts, ...writer.finish()])
}

test(`damaged streams give VhdError or extents inside the disk, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const usual = new DamagedBytes(usualVhd(random))
  const small = [512, 4096, 8192].map((blockSize) => new DamagedBytes(smallVhd(random, blockSize)))
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const whole = round % 2048 === 0 ? usual : (small[random(small.length)] as DamagedBytes)
    damage(random, whole)
    const parts = withCut(random, whole.bytes)
    const length = lengthOf(parts)
    let outcome = 'read'
    try {
      const vhd = await readVhd(inChunks(random, parts), random(5) ? {} : { length })
      const seen = new Set<number>()
      for await (const { offset, data } of vhd.blocks()) {
        assert.ok(offset >= 0 && data.length > 0 && offset + data.length <= vhd.size && offset % 512 === 0 && data.length % 512 === 0)
        assert.ok(data.length <= 2 << 20)
        assert.ok(!seen.has(offset), 'an extent came twice')
        seen.add(offset)
      }
      assert.ok(vhd.bytesRead <= length)
    } catch (error) {
      if (!(error instanceof VhdError)) throw new Error(`round ${round}`, { cause: error })
      outcome = error.code
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    whole.mend()
  }
  // A fuzzer that only ever meets one check proves little.
  if (rounds >= 300) assert.ok(outcomes.size >= 6, `outcomes: ${[...outcomes].join(' ')}`)
  if (rounds >= 300) assert.ok((outcomes.get('read') ?? 0) > rounds / 50, `outcomes: ${[...outcomes].join(' ')}`)
})

test(`damaged footers, headers, block tables and bitmaps give VhdError or what makes sense, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed + 1)
  const outcomes = new Map<string, number>()
  const told = (decode: () => void, round: number) => {
    let outcome = 'read'
    try {
      decode()
    } catch (error) {
      if (!(error instanceof VhdError)) throw new Error(`round ${round}`, { cause: error })
      outcome = error.code
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  const footers = (['fixed', 'dynamic', 'differencing'] as const).map((kind) => new DamagedBytes(encodeFooter({ kind, size: 5 << 20 })))
  const parent = { uuid: '5a1b2c3d-0000-4000-8000-123456789abc', name: 'base \u{1f600}.vhd', locator: true }
  const headers = [undefined, parent].map(
    (of) => new DamagedBytes(encodeHeader({ tableOffset: 1536, tableEntries: 4, blockSize: 2 << 20, ...(of && { parent: of }) })),
  )
  const strike = (whole: DamagedBytes, field: number) => {
    for (let strokes = random(4); strokes > 0; strokes--) {
      if (random(2)) whole.setByte(random(whole.length), random(256))
      else whole.setWord(random(24) * 4, random(2) ? (INTERESTING[random(INTERESTING.length)] as number) : random(0xffff_ffff))
    }
    if (random(4)) whole.setWord(field, checksumOf(whole.bytes, field))
  }
  const table = Buffer.alloc(64)
  const bitmap = Buffer.alloc(64)
  for (let round = 0; round < rounds; round++) {
    const footer = footers[random(3)] as DamagedBytes
    strike(footer, 64)
    told(() => {
      const { size, kind, headerOffset } = decodeFooter(footer.bytes.subarray(0, random(20) ? 512 : random(512)))
      assert.ok(Number.isSafeInteger(size) && size >= 0 && size % 512 === 0 && (kind === 'fixed') === (headerOffset === undefined))
    }, round)
    footer.mend()
    const header = headers[random(2)] as DamagedBytes
    strike(header, 36)
    told(() => {
      const { blockSize, tableOffset, tableEntries } = decodeHeader(header.bytes.subarray(0, random(20) ? 1024 : random(1024)))
      assert.ok(blockSize >= 512 && Number.isInteger(Math.log2(blockSize)) && Number.isSafeInteger(tableOffset) && tableEntries >= 0)
    }, round)
    header.mend()
    // Sparse tables mostly, so that some have no two blocks over each other.
    for (let entry = 0; entry < 16; entry++) table.writeUInt32BE(random(4) ? 0xffff_ffff : random(random(2) ? 100 : 0xffff_ffff), entry * 4)
    const limits = { entries: 16, blockSize: 4096, size: 4096 * (1 + random(16)), firstPlace: random(5000), tableOffset: 0 }
    told(() => {
      let free = limits.firstPlace
      for (const { index, place } of placedBlocks(table, limits)) {
        assert.ok(place >= free && index * limits.blockSize < limits.size)
        free = place + bitmapBytes(limits.blockSize) + limits.blockSize
      }
    }, round)
    for (let word = 0; word < 16; word++) bitmap.writeUInt32BE([0, 0xffff_ffff, random(0xffff_ffff)][random(3)] as number, word * 4)
    const sectors = random(513)
    let end = -1
    for (const { first, count } of setRuns(bitmap, sectors)) {
      assert.ok(first > end && count > 0 && first + count <= sectors)
      end = first + count
    }
  }
  if (rounds >= 300)
    assert.ok(
      ['read', 'bad-footer', 'bad-header', 'bad-table'].every((one) => outcomes.has(one)),
      `outcomes: ${[...outcomes].join(' ')}`,
    )
})
