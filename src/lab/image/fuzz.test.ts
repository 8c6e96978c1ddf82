import assert from 'node:assert/strict'
import type { FileHandle } from 'node:fs/promises'
import { test } from 'node:test'
import { deflateRawSync, zstdCompressSync } from 'node:zlib'
import { DamagedBytes } from '../../../test/support/damaged-bytes.ts'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { smallVhd } from '../../../test/support/small-vhd.ts'
import { checksumOf } from '../../vhd/footer.ts'
import { ImageError } from './image.ts'
import { qcow2Image } from './qcow2.ts'
import { qcow2HeaderSize } from './qcow2-header.ts'
import { vhdImage } from './vhd.ts'
import { zstdFrameLength } from './zstd-frame.ts'

// Most inputs end in an error, whose stack nobody looks at and which costs more than finding it.
Error.stackTraceLimit = 2
const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const INTERESTING = [0, 1, 2, 9, 21, 0x200, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0x4000_0000, 0xffff_ffff]
const CLUSTER_BITS = 9
const CLUSTER = 2 ** CLUSTER_BITS
const ENTRIES = CLUSTER / 8
/** Clusters of the disk: two L2 tables, the second one not full. */
const CLUSTERS = ENTRIES + 10

/** A file that is in memory. */
function fileOf(bytes: () => Buffer): FileHandle {
  const file = {
    async read(target: Buffer, offset: number, length: number, position: number) {
      const bytesRead = bytes().copy(target, offset, Math.min(position, bytes().length), Math.min(position + length, bytes().length))
      return { bytesRead, buffer: target }
    },
    createReadStream: async function* () {
      yield bytes()
    },
    close: async () => undefined,
  }
  return file as unknown as FileHandle
}

/** A qcow2 image of clusters of 512 bytes: plain ones, zero ones, ones that were never written and compressed ones. */
function smallQcow2(random: (below: number) => number, compression: 'zlib' | 'zstd'): Buffer {
  const header = Buffer.alloc(CLUSTER)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(CLUSTER_BITS, 20)
  header.writeBigUInt64BE(BigInt(CLUSTERS * CLUSTER - 100), 24)
  header.writeUInt32BE(2, 36)
  header.writeBigUInt64BE(BigInt(CLUSTER), 40)
  if (compression === 'zstd') header.writeBigUInt64BE(8n, 72)
  header.writeUInt32BE(112, 100)
  header.writeUInt8(compression === 'zstd' ? 1 : 0, 104)
  const [l1, first, second] = [Buffer.alloc(CLUSTER), Buffer.alloc(CLUSTER), Buffer.alloc(CLUSTER)] as const
  l1.writeBigUInt64BE(BigInt(2 * CLUSTER), 0)
  l1.writeBigUInt64BE(BigInt(3 * CLUSTER), 8)
  const data: Buffer[] = []
  let place = 4 * CLUSTER
  for (const [table, count] of [[first, ENTRIES] as const, [second, 10] as const]) {
    for (let index = 0; index < count; index++) {
      const kind = random(60)
      if (kind < 4) table.writeBigUInt64BE(1n, index * 8)
      else if (kind < 12) {
        table.writeBigUInt64BE(BigInt(place), index * 8)
        data.push(randomBytes(random, CLUSTER))
        place += CLUSTER
      } else if (kind === 12 || (index === 5 && count === 10)) {
        const plain = Buffer.alloc(CLUSTER, 1 + random(255))
        const packed = compression === 'zstd' ? zstdCompressSync(plain) : deflateRawSync(plain)
        const padded = Buffer.alloc(CLUSTER)
        packed.copy(padded)
        // One sector, at an offset of 62 - (bits - 8) bits.
        table.writeBigUInt64BE((1n << 62n) | BigInt(place), index * 8)
        data.push(padded)
        place += CLUSTER
      }
    }
  }
  return Buffer.concat([header, l1, first, second, ...data])
}

function damageQcow2(random: (below: number) => number, whole: DamagedBytes): void {
  for (let strokes = 1 + random(3); strokes > 0; strokes--) {
    const kind = random(7)
    const value = random(2) ? (INTERESTING[random(INTERESTING.length)] as number) : random(0xffff_ffff)
    if (kind === 0) whole.setByte(4 + random(qcow2HeaderSize - 4), random(256))
    else if (kind === 1) whole.setWord(4 + random(26) * 4, value)
    else if (kind === 2) whole.setByte(4 + random(whole.length - 4), random(256))
    else if (kind === 3) whole.setWord(CLUSTER + random((3 * CLUSTER) / 4) * 4, value)
    else if (kind === 4) whole.setWord(CLUSTER + random((3 * CLUSTER) / 8) * 8 + 4, random(200) * CLUSTER)
    else if (kind === 5) whole.setByte(CLUSTER + random((3 * CLUSTER) / 8) * 8, 0x40 | random(0x40))
    else whole.doublePiece(random(whole.length), CLUSTER + random(whole.length - CLUSTER), random(1000))
  }
}

/** Bytes that a reader may give of an image whose header claims much: the tables of these files are small. */
const ENOUGH = 4 << 20

test(`damaged qcow2 images give ImageError or blocks inside the disk, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const images = (['zlib', 'zstd'] as const).map((compression) => new DamagedBytes(smallQcow2(random, compression)))
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    // A context for Zstandard costs more than all the rest.
    const whole = images[random(8) === 0 ? 1 : 0] as DamagedBytes
    damageQcow2(random, whole)
    const length = random(4) === 0 ? random(whole.length) : whole.length
    let outcome = 'read'
    try {
      const image = await qcow2Image(fileOf(() => whole.bytes.subarray(0, length)))
      const end = Math.ceil(image.size / 512) * 512
      let last = 0
      let bytes = 0
      for await (const { offset, data } of image.blocks()) {
        assert.ok(data.length > 0 && offset >= last && offset + data.length <= end && offset % 512 === 0 && data.length % 512 === 0)
        last = offset + data.length
        bytes += data.length
        // Tables that point to themselves make much of little: not without end, but beyond what is worth a round.
        if (bytes > ENOUGH) break
      }
    } catch (error) {
      if (!(error instanceof ImageError)) throw new Error(`round ${round}`, { cause: error })
      outcome = error.message.replace(/[0-9^]+/g, 'N')
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    whole.mend()
  }
  if (rounds >= 300) {
    assert.ok(outcomes.size >= 8, `outcomes: ${[...outcomes].join(' ')}`)
    assert.ok((outcomes.get('read') ?? 0) > rounds / 20, `outcomes: ${[...outcomes].join(' ')}`)
  }
})

test(`damaged VHD files give ImageError or blocks inside the disk, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed + 1)
  const whole = new DamagedBytes(smallVhd(random, 4096))
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    // Damage to the header and the table mostly: what follows is large, and the same for every block.
    const atEnd = random(8) === 0
    for (let strokes = 1 + random(3); strokes > 0; strokes--) {
      if (random(2)) whole.setByte(atEnd ? whole.length - 1 - random(512) : random(2200), random(256))
      else whole.setWord(random(550) * 4, INTERESTING[random(INTERESTING.length)] as number)
    }
    if (random(4)) {
      whole.setWord(64, checksumOf(whole.bytes.subarray(0, 512), 64))
      whole.setWord(512 + 36, checksumOf(whole.bytes.subarray(512, 1536), 36))
    }
    const length = random(4) === 0 ? random(whole.length) : whole.length
    let outcome = 'read'
    try {
      const image = await vhdImage(
        fileOf(() => whole.bytes.subarray(0, length)),
        length,
      )
      for await (const { offset, data } of image.blocks()) {
        assert.ok(data.length > 0 && offset >= 0 && offset + data.length <= Math.ceil(image.size / 512) * 512)
      }
      await image.close()
    } catch (error) {
      if (!(error instanceof ImageError)) throw new Error(`round ${round}`, { cause: error })
      outcome = error.message.replace(/\d+/g, 'N')
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    whole.mend()
  }
  if (rounds >= 300) assert.ok(outcomes.size >= 6, `outcomes: ${[...outcomes].join(' ')}`)
})

test(`the length of a damaged Zstandard frame is told or an ImageError (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed + 2)
  const frames = [10, 600, 5000].map((length) => new DamagedBytes(zstdCompressSync(randomBytes(random, length))))
  let told = 0
  for (let round = 0; round < rounds; round++) {
    const frame = frames[random(frames.length)] as DamagedBytes
    for (let strokes = random(3); strokes > 0; strokes--) frame.setByte(random(random(2) ? 12 : frame.length), random(256))
    try {
      assert.ok(zstdFrameLength(frame.bytes.subarray(0, random(4) ? frame.length : random(frame.length))) > 0)
      told++
    } catch (error) {
      if (!(error instanceof ImageError)) throw new Error(`round ${round}`, { cause: error })
    }
    frame.mend()
  }
  if (rounds >= 300) assert.ok(told > rounds / 10 && told < rounds, `${told}`)
})
