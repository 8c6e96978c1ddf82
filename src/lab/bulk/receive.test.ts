import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DamagedBytes } from '../../../test/support/damaged-bytes.ts'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { smallVhd } from '../../../test/support/small-vhd.ts'
import { checksumOf, encodeFooter } from '../../vhd/footer.ts'
import { encodeHeader } from '../../vhd/header.ts'
import { planVhd } from '../../vhd/plan-vhd.ts'
import { VhdStreamWriter } from '../../vhd/write-vhd.ts'
import type { BulkRequest, Disk } from '../pool.ts'
import { BlockDevice } from './block-device.ts'
import { percentSteps } from './percent.ts'
import { receiveFrames, receiveRaw } from './receive-raw.ts'
import { receiveVhd } from './receive-vhd.ts'
import { ToolFailure, ToolInput } from './tool-input.ts'

const MiB = 1 << 20
const seed = testSeed()
const random = randomNumbers(seed)

function diskOf(bytes: Buffer): Disk {
  return {
    uuid: 'disk',
    size: bytes.length,
    read: (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
    readInto: (target, offset) => {
      bytes.copy(target, 0, offset)
    },
    write: (offset, data) => {
      assert.ok(data.length <= MiB && offset % 512 === 0 && data.length % 512 === 0 && offset + data.length <= bytes.length)
      data.copy(bytes, offset)
    },
    zero: (offset, length) => {
      bytes.fill(0, offset, offset + length)
    },
    holdsData: () => true,
    allocatedBlocks: () => [],
    allocatedExtents: () => [],
  }
}

/** A request whose body ends where the bytes do. */
function bodyOf(bytes: Buffer): ToolInput {
  let at = 0
  const read = async (length: number) => {
    const piece = bytes.subarray(at, at + length)
    at += piece.length
    return piece
  }
  return new ToolInput({ read } as BulkRequest)
}

const nobody = () => {}

/** What the disk holds after the body came in, and whether the tool was content. */
async function after(old: Buffer, body: Buffer, receive: (input: ToolInput, device: BlockDevice) => Promise<void>) {
  const bytes = Buffer.from(old)
  let failed = false
  try {
    await receive(bodyOf(body), new BlockDevice(diskOf(bytes)))
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error
    failed = true
  }
  return { bytes, failed }
}

const raw = (old: Buffer, body: Buffer, length?: number) => after(old, body, (input, device) => receiveRaw(input, device, length, nobody))
const vhd = (old: Buffer, body: Buffer, length?: number) =>
  after(old, body, (input, device) => receiveVhd(input, device, length ?? body.length, nobody))
const frames = (old: Buffer, ...list: Buffer[]) => after(old, Buffer.concat(list), receiveFrames)

function frame(offset: number | bigint, data: Buffer, length = data.length): Buffer {
  const header = Buffer.alloc(12)
  header.writeBigUInt64LE(BigInt.asUintN(64, BigInt(offset)), 0)
  header.writeUInt32LE(length, 8)
  return Buffer.concat([header, data])
}
const END = frame(0, Buffer.alloc(0))

/** A copy with bytes replaced. */
function overlaid(old: Buffer, ...pieces: [offset: number, data: Buffer][]): Buffer {
  const bytes = Buffer.from(old)
  for (const [offset, data] of pieces) data.copy(bytes, offset)
  return bytes
}

const OLD = randomBytes(random, 8 * MiB)

test(`a raw body shorter than the disk leaves the rest, and an odd tail its sector (seed ${seed})`, async () => {
  for (const length of [512, 1000, MiB, 2 * MiB + 100]) {
    const body = randomBytes(random, length)
    assert.deepEqual(await raw(OLD, body, length), { bytes: overlaid(OLD, [0, body]), failed: false }, `${length} bytes`)
  }
})

test('a raw body that reaches beyond the disk fills it and fails; none at all fails', async () => {
  const body = randomBytes(random, 8 * MiB + 512)
  assert.deepEqual(await raw(OLD, body, body.length), { bytes: body.subarray(0, 8 * MiB), failed: true })
  assert.deepEqual(await raw(OLD, Buffer.alloc(0), 0), { bytes: OLD, failed: true })
})

test('a raw body cut inside its last 2 MiB is not noticed, one cut earlier is', async () => {
  const body = randomBytes(random, 7 * MiB)
  // What the buffer held before stands in for what did not come.
  const last = overlaid(body.subarray(4 * MiB, 6 * MiB), [0, body.subarray(6 * MiB)])
  assert.deepEqual(await raw(OLD, body, 8 * MiB), { bytes: overlaid(OLD, [0, body], [6 * MiB, last]), failed: false })
  assert.equal((await raw(OLD, body.subarray(0, 5 * MiB), 8 * MiB)).failed, true)
  assert.equal((await raw(OLD, body.subarray(0, 6 * MiB), 8 * MiB)).failed, true)
})

test('frames are written where they say, in any order, later ones over earlier ones', async () => {
  const [a, b, c] = [randomBytes(random, 512), randomBytes(random, 3 * MiB), randomBytes(random, 65536)] as const
  const got = await frames(OLD, frame(7 * MiB, a), frame(MiB, b), frame(2 * MiB - 512, c), frame(4096, Buffer.alloc(0)), END, frame(0, a))
  assert.deepEqual(got, { bytes: overlaid(OLD, [7 * MiB, a], [MiB, b], [2 * MiB - 512, c]), failed: false })
})

test('a frame off the sectors, beyond the disk or of 2 GiB fails; what came before it stays', async () => {
  const good = randomBytes(random, 4096)
  const bad = [
    frame(100, Buffer.alloc(512)),
    frame(512, Buffer.alloc(700)),
    frame(100, Buffer.alloc(0)),
    frame(8 * MiB, Buffer.alloc(512)),
    frame(8 * MiB + 512, Buffer.alloc(0)),
    frame(1 << 30, Buffer.alloc(512)),
    frame(-512n, Buffer.alloc(512)),
    frame(0, Buffer.alloc(512), 2 ** 31),
    frame(0, Buffer.alloc(512), 2 ** 32 - 1),
  ]
  for (const [nth, one] of bad.entries())
    assert.deepEqual(await frames(OLD, frame(0, good), one, END), { bytes: overlaid(OLD, [0, good]), failed: true }, `frame ${nth}`)
  const across = randomBytes(random, 1024)
  const end = 8 * MiB - 512
  assert.deepEqual(await frames(OLD, frame(end, across), END), { bytes: overlaid(OLD, [end, across.subarray(0, 512)]), failed: true })
})

test('frames without their terminator fail', async () => {
  const data = randomBytes(random, 512)
  for (const rest of [Buffer.alloc(0), END.subarray(0, 6), frame(4096, data).subarray(0, 5)])
    assert.deepEqual(await frames(OLD, frame(0, data), rest), { bytes: overlaid(OLD, [0, data]), failed: true })
})

/** A VHD with the sectors of `pieces` set. */
function vhdOf(size: number, ...pieces: [offset: number, data: Buffer][]): Buffer {
  const writer = new VhdStreamWriter(planVhd({ size, extents: pieces.map(([offset, data]) => ({ offset, length: data.length })) }))
  return Buffer.concat([...pieces.flatMap(([offset, data]) => writer.write(offset, data)), ...writer.finish()])
}

test('of a VHD only the sectors that are set are written, whatever was there before', async () => {
  const pieces: [number, Buffer][] = [
    [512, randomBytes(random, 1024)],
    [3 * MiB, randomBytes(random, 3 * MiB)],
    [8 * MiB - 512, randomBytes(random, 512)],
  ]
  assert.deepEqual(await vhd(OLD, vhdOf(OLD.length, ...pieces)), { bytes: overlaid(OLD, ...pieces), failed: false })
  assert.deepEqual(await vhd(OLD, vhdOf(OLD.length)), { bytes: OLD, failed: false })
  // The virtual size isn't compared, only a block beyond the disk fails.
  assert.deepEqual(await vhd(OLD, vhdOf(64 * MiB, ...pieces)), { bytes: overlaid(OLD, ...pieces), failed: false })
  assert.deepEqual(await vhd(OLD, vhdOf(64 * MiB, ...pieces, [10 * MiB, Buffer.alloc(512)])), {
    bytes: overlaid(OLD, ...pieces),
    failed: true,
  })
})

test('a VHD whose length is not exact, or whose final footer is missing, writes its data and fails', async () => {
  const piece: [number, Buffer] = [4096, randomBytes(random, 8192)]
  const whole = vhdOf(OLD.length, piece)
  const bytes = overlaid(OLD, piece)
  assert.deepEqual(await vhd(OLD, whole, whole.length - 512), { bytes, failed: true })
  assert.deepEqual(await vhd(OLD, whole, whole.length + 512), { bytes, failed: true })
  assert.deepEqual(await vhd(OLD, whole.subarray(0, -512)), { bytes, failed: true })
  assert.deepEqual(await vhd(OLD, Buffer.concat([whole.subarray(0, -512), Buffer.alloc(512)])), { bytes, failed: true })
})

test('damage in the head of a VHD, a fixed disk and random bytes fail before anything is written', async () => {
  const whole = vhdOf(OLD.length, [0, Buffer.alloc(512, 1)])
  const damaged = (at: number) => overlaid(whole, [at, Buffer.of(0x77)])
  const fixed = Buffer.concat([Buffer.alloc(MiB), encodeFooter({ kind: 'fixed', size: MiB })])
  for (const body of [
    damaged(3),
    damaged(100),
    damaged(513),
    damaged(700),
    whole.subarray(0, 1536),
    whole.subarray(0, 2050),
    fixed,
    OLD,
    Buffer.alloc(0),
  ])
    assert.deepEqual(await vhd(OLD, body), { bytes: OLD, failed: true })
})

test('blocks below 2 MiB succeed and land in the wrong place: shifted by the padding of the bitmap', async () => {
  const blockSize = 512 * 1024
  const data = randomBytes(random, blockSize)
  const table = Buffer.alloc(512, 0xff)
  table.writeUInt32BE(2048 / 512, 4)
  const footer = encodeFooter({ kind: 'dynamic', size: OLD.length })
  const header = encodeHeader({ tableOffset: 1536, tableEntries: 16, blockSize })
  const body = Buffer.concat([footer, header, table, Buffer.alloc(128, 0xff), Buffer.alloc(384), data, footer])
  const shifted = Buffer.concat([Buffer.alloc(384), data.subarray(0, -384)])
  assert.deepEqual(await vhd(OLD, body), { bytes: overlaid(OLD, [blockSize, shifted]), failed: false })
})

test('progress comes in whole percents only', () => {
  const steps: number[] = []
  const report = percentSteps((fraction) => steps.push(fraction))
  for (let done = 0; done <= 1000; done++) report(done, 1000)
  assert.equal(steps.length, 100)
  assert.equal(steps.at(-1), 1)
})

const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 200)

test(`damaged VHDs and frames fail as the tool does or write inside the disk, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const device = new BlockDevice(diskOf(Buffer.from(OLD.subarray(0, 4 * MiB))))
  const vhds = [
    new DamagedBytes(vhdOf(4 * MiB, [512, randomBytes(random, 4096)])),
    ...[4096, 8192].map((blockSize) => new DamagedBytes(smallVhd(random, blockSize))),
  ]
  const goodFrames = new DamagedBytes(Buffer.concat([frame(4096, randomBytes(random, 8192)), frame(MiB, randomBytes(random, 16_384)), END]))
  const outcomes = { taken: 0, failed: 0 }
  for (let round = 0; round < rounds; round++) {
    const isVhd = random(2) === 0
    const body = isVhd ? (vhds[round % 512 === 0 ? 0 : 1 + random(2)] as DamagedBytes) : goodFrames
    for (let stroke = random(4); stroke > 0; stroke--) body.setWord(random(700) * 4, random(3) ? random(8192) : random(0xffff_ffff))
    if (!isVhd && random(2)) body.setWordLE([8, 12 + 8192 + 8, 2 * 12 + 8192 + 16_384 + 8][random(3)] as number, random(40) * 512)
    if (isVhd && random(3)) {
      body.setWord(64, checksumOf(body.bytes.subarray(0, 512), 64))
      body.setWord(512 + 36, checksumOf(body.bytes.subarray(512, 1536), 36))
    }
    const sent = body.bytes.subarray(0, random(4) ? body.length : random(body.length))
    try {
      // Anything but ToolFailure, or a write outside the disk, comes through as an error of the test.
      if (isVhd) await receiveVhd(bodyOf(sent), device, sent.length, nobody)
      else await receiveFrames(bodyOf(sent), device)
      outcomes.taken++
    } catch (error) {
      if (!(error instanceof ToolFailure)) throw new Error(`round ${round}`, { cause: error })
      outcomes.failed++
    }
    body.mend()
  }
  if (rounds >= 100) assert.ok(outcomes.taken > rounds / 50 && outcomes.failed > rounds / 50, JSON.stringify(outcomes))
})
