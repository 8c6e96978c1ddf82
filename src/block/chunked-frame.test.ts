import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { BlockDevice } from '../lab/bulk/block-device.ts'
import { receiveFrames } from '../lab/bulk/receive-raw.ts'
import { ToolFailure, ToolInput } from '../lab/bulk/tool-input.ts'
import type { BulkRequest, Disk } from '../lab/pool.ts'
import { END_FRAME, FRAME_HEADER_BYTES, FRAME_MAX_BYTES, frameHeader } from './chunked-frame.ts'

const MiB = 1 << 20
const SIZE = 8 * MiB
const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)

/** A disk in memory that refuses what no decoder may ask of it, and tells what was written. */
function diskIn(bytes: Buffer): { disk: Disk; writes: () => number } {
  let writes = 0
  const inside = (offset: number, length: number) =>
    assert.ok(offset >= 0 && length > 0 && length <= MiB && offset % 512 === 0 && length % 512 === 0 && offset + length <= bytes.length)
  const disk = {
    uuid: 'disk',
    size: bytes.length,
    write(offset: number, data: Buffer) {
      inside(offset, data.length)
      data.copy(bytes, offset)
      writes++
    },
    read: () => assert.fail('frames need no reading'),
    readInto: () => assert.fail('frames need no reading'),
    zero: () => assert.fail('frames are written as they are'),
    holdsData: () => true,
    allocatedBlocks: () => [],
    allocatedExtents: () => [],
  }
  return { disk, writes: () => writes }
}

/** Gives the body to the lab's decoder in reads as long as it asks for. */
async function decode(body: Buffer, disk: Disk): Promise<'taken' | 'failed'> {
  let at = 0
  const read = async (length: number) => {
    assert.ok(length <= 2 * MiB, 'memory is taken for what the other side says')
    const piece = body.subarray(at, at + length)
    at += piece.length
    return piece
  }
  try {
    await receiveFrames(new ToolInput({ read } as BulkRequest), new BlockDevice(disk))
    return 'taken'
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error
    return 'failed'
  }
}

test(`frames that we write are put in place by the lab's decoder, in any order (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 10; round++) {
    const wanted = randomBytes(random, SIZE)
    const bytes = Buffer.from(wanted)
    const frames = randomExtents(random, SIZE, 40).flatMap(({ offset, length }) => {
      const data = randomBytes(random, length)
      data.copy(wanted, offset)
      return { place: random(1000), frame: Buffer.concat([frameHeader(offset, length), data]) }
    })
    frames.sort((a, b) => a.place - b.place)
    const body = Buffer.concat([...frames.map(({ frame }) => frame), END_FRAME])
    assert.equal(await decode(body, diskIn(bytes).disk), 'taken')
    assert.ok(bytes.equals(wanted))
  }
})

test('an offset beyond 4 GiB is written exactly, least significant byte first', () => {
  const header = frameHeader(5 * 2 ** 40 + 2 ** 31 + 512, FRAME_MAX_BYTES)
  assert.equal(header.length, FRAME_HEADER_BYTES)
  assert.equal(header.readBigUInt64LE(0), BigInt(5 * 2 ** 40 + 2 ** 31 + 512))
  assert.equal(header.readInt32LE(8), FRAME_MAX_BYTES)
})

test('what the server would refuse, or take for the end, is a RangeError', () => {
  for (const [offset, length] of [
    [-512, 512],
    [100, 512],
    [0.5, 512],
    [Number.NaN, 512],
    [2 ** 53, 512],
    [0, 0],
    [0, -512],
    [0, 100],
    [0, Number.NaN],
    [0, FRAME_MAX_BYTES + 512],
  ] as const) {
    assert.throws(() => frameHeader(offset, length), RangeError, `${offset} ${length}`)
  }
})

/** A sector to sixteen each, now and then one of up to 2 MiB: the length is the decoder's business, the bytes are not. */
function smallExtents(random: (below: number) => number, most: number): { offset: number; length: number }[] {
  const extents: { offset: number; length: number }[] = []
  let sector = 0
  while (extents.length < most) {
    sector += random(4) === 0 ? 0 : random(random(2) ? 64 : 900)
    const count = 1 + random(random(512) ? 16 : 4096)
    if ((sector + count) * 512 > SIZE) break
    extents.push({ offset: sector * 512, length: count * 512 })
    sector += count
  }
  return extents
}

const ODD_LENGTHS = [0, 1, 511, 513, 0x7fff_ffff, 0x8000_0000, 0xffff_fe00, 0xffff_ffff, 4 * MiB, 4 * MiB + 512]

/** Damages a stream of frames: headers, lengths and offsets replaced, bytes flipped, pieces cut out or doubled. */
function damage(random: (below: number) => number, whole: Buffer, headers: readonly number[]): Buffer {
  const bytes = Buffer.from(whole)
  for (let strokes = 1 + random(2); strokes > 0; strokes--) {
    const header = headers[random(headers.length)] as number
    const kind = random(8)
    if (kind === 0) bytes.writeUInt32LE(ODD_LENGTHS[random(ODD_LENGTHS.length)] as number, header + 8)
    else if (kind === 1) bytes.writeUInt32LE(random(SIZE / 256) * 512, header + 8)
    else if (kind === 2) bytes.writeUInt32LE(random(0xffff_ffff), header + (random(2) ? 0 : 4))
    else if (kind === 3) bytes.writeUInt32LE(random(SIZE / 256) * 512, header)
    else if (kind === 4) bytes[header + random(12)] = random(256)
    else bytes[random(bytes.length)] = random(256)
  }
  const cutting = random(6)
  if (cutting > 1) return bytes
  if (cutting === 0) return bytes.subarray(0, random(bytes.length))
  const from = random(bytes.length)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.min(bytes.length, from + random(4096)))])
}

test(`damaged frames are taken or refused, and write only whole sectors inside the disk (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed + 1)
  const outcomes = { taken: 0, failed: 0, writes: 0 }
  const bytes = Buffer.alloc(SIZE)
  for (let round = 0; round < rounds; round++) {
    const headers: number[] = []
    const parts: Buffer[] = []
    let at = 0
    for (const { offset, length } of smallExtents(random, 1 + random(12))) {
      const part = Buffer.concat([frameHeader(offset, length), Buffer.alloc(length, 1 + random(255))])
      headers.push(at)
      parts.push(part)
      at += part.length
    }
    headers.push(at)
    const body = damage(random, Buffer.concat([...parts, END_FRAME]), headers)
    const { disk, writes } = diskIn(bytes)
    try {
      outcomes[await decode(body, disk)]++
    } catch (error) {
      throw new Error(`round ${round}`, { cause: error })
    }
    outcomes.writes += writes()
  }
  if (rounds >= 300)
    assert.ok(outcomes.taken > rounds / 20 && outcomes.failed > rounds / 20 && outcomes.writes > 0, JSON.stringify(outcomes))
})
