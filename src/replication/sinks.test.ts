import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cut, randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { streamingXapi } from '../../test/support/streaming-xapi.ts'
import type { BlockSink, BlockSource, Extent } from '../block/block.ts'
import { createByteBudget } from '../block/budget.ts'
import { FRAME_MAX_BYTES } from '../block/chunked-frame.ts'
import { copyBlocks } from '../block/copy.ts'
import { normalise, splitAt } from '../block/extents.ts'
import { readVhd } from '../vhd/read-vhd.ts'
import type { Ref } from '../xapi/ref.ts'
import { openChunkedSink, openVhdSink } from './sinks.ts'

const MiB = 1 << 20
const SIZE = 12 * MiB
const seed = testSeed()
const { signal } = new AbortController()
const vdi = 'vdi' as Ref<'VDI'>

/** Blocks of the extents as a source gives them that reads ahead: cut at 1 MiB, out of order within a window. */
function outOfOrder(random: (below: number) => number, extents: readonly Extent[], window = 16): Extent[] {
  const waiting = [...splitAt(extents, MiB)]
  const out: Extent[] = []
  while (waiting.length > 0) out.push(...waiting.splice(random(Math.min(window, waiting.length)), 1))
  return out
}

/** What frames put where; undefined when there is no end frame. */
function framesOf(body: Buffer): { offset: number; data: Buffer }[] | undefined {
  const out = []
  for (let at = 0; at < body.length; ) {
    const [offset, length] = [Number(body.readBigUInt64LE(at)), body.readUInt32LE(at + 8)]
    at += 12
    if (offset === 0 && length === 0) return at === body.length ? out : undefined
    out.push({ offset, data: body.subarray(at, at + length) })
    at += length
  }
  return undefined
}

test(`the chunked sink sends each block where it belongs, and counts the framing (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  const disk = randomBytes(random, SIZE)
  const pool = streamingXapi({ random })
  const sink = await openChunkedSink(pool.xapi, vdi, signal)
  const blocks = outOfOrder(random, randomExtents(random, SIZE, 20))
  for (const { offset, length } of blocks) await sink.write(offset, disk.subarray(offset, offset + length))
  await sink.finish()
  const [upload] = pool.imports
  assert.deepEqual([upload?.format, upload?.chunked, upload?.finished, upload?.aborted], ['raw', true, 1, 0])
  const body = Buffer.concat(upload?.parts ?? [])
  const frames = framesOf(body)
  assert.deepEqual(
    frames?.map(({ offset, data }) => ({ offset, length: data.length })),
    blocks,
  )
  for (const { offset, data } of frames ?? []) assert.ok(data.equals(disk.subarray(offset, offset + data.length)))
  assert.equal(sink.bytesSent, body.length)
})

test('a block longer than a frame may be is cut, beyond 4 GiB too', async () => {
  const pool = streamingXapi({ random: randomNumbers(seed) })
  const sink = await openChunkedSink(pool.xapi, vdi, signal)
  const data = randomBytes(randomNumbers(seed), 2 * FRAME_MAX_BYTES + 512)
  await sink.write(2 ** 41, data)
  await sink.finish()
  const frames = framesOf(Buffer.concat(pool.imports[0]?.parts ?? [])) ?? []
  assert.deepEqual(
    frames.map(({ offset, data: { length } }) => [offset - 2 ** 41, length]),
    [
      [0, FRAME_MAX_BYTES],
      [FRAME_MAX_BYTES, FRAME_MAX_BYTES],
      [2 * FRAME_MAX_BYTES, 512],
    ],
  )
  assert.ok(Buffer.concat(frames.map((frame) => frame.data)).equals(data))
})

test('G1: an upload given up has no end frame, so that the other side can tell', async () => {
  const pool = streamingXapi({ random: randomNumbers(seed) })
  const sink = await openChunkedSink(pool.xapi, vdi, signal)
  await sink.write(0, Buffer.alloc(512))
  await sink.abort(new Error('enough'))
  const [upload] = pool.imports
  assert.equal(framesOf(Buffer.concat(upload?.parts ?? [])), undefined)
  assert.deepEqual([upload?.finished, upload?.aborted], [0, 1])
})

async function readBack(random: (below: number) => number, body: Buffer) {
  const vhd = await readVhd(cut(random, body))
  const bytes = Buffer.alloc(vhd.size)
  const held: Extent[] = []
  for await (const { offset, data } of vhd.blocks()) {
    data.copy(bytes, offset)
    held.push({ offset, length: data.length })
  }
  return { bytes, held: normalise(held), kind: vhd.kind }
}

test(`the VHD sink puts blocks that come out of order in order, for our reader to read back (seed ${seed})`, async () => {
  const random = randomNumbers(seed + 1)
  for (let round = 0; round < 15; round++) {
    const extents = randomExtents(random, SIZE, 25)
    const disk = Buffer.alloc(SIZE)
    const pool = streamingXapi({ random })
    const sink = await openVhdSink(pool.xapi, vdi, { size: SIZE, extents }, signal)
    for (const { offset, length } of outOfOrder(random, extents, 1 + random(20))) {
      const data = randomBytes(random, length)
      data.copy(disk, offset)
      await sink.write(offset, data)
      // The memory is the source's again.
      data.fill(0xee)
    }
    await sink.finish()
    const [upload] = pool.imports
    const body = Buffer.concat(upload?.parts ?? [])
    assert.deepEqual([upload?.format, upload?.length, sink.bytesSent], ['vhd', body.length, body.length])
    const read = await readBack(random, body)
    assert.ok(read.bytes.equals(disk))
    assert.deepEqual(read.held, normalise(extents))
  }
})

/** Gives the blocks of a disk in the order told. */
function sourceOf(disk: Buffer, order: readonly Extent[]): BlockSource {
  return {
    kind: 'test',
    size: disk.length,
    expected: undefined,
    bytesRead: 0,
    async *blocks() {
      for (const { offset, length } of order) yield { offset, data: disk.subarray(offset, offset + length), release: () => {} }
    },
    close: async () => {},
  }
}

test(`zeroes left out of a first copy leave no gap that the VHD sink waits for (seed ${seed})`, async () => {
  const random = randomNumbers(seed + 2)
  for (let round = 0; round < 15; round++) {
    const disk = Buffer.alloc(SIZE)
    for (const { offset, length } of randomExtents(random, SIZE, 8)) randomBytes(random, length).copy(disk, offset)
    // Whole blocks are listed, as the block table of an export tells them, also the first and the last one.
    const extents = Array.from({ length: SIZE / (2 * MiB) }, (_, index) => ({ offset: index * 2 * MiB, length: 2 * MiB })).filter(
      () => random(4) > 0,
    )
    for (const gap of normalise(extents.length === 0 ? [{ offset: 0, length: SIZE }] : complement(extents)))
      disk.fill(0, gap.offset, gap.offset + gap.length)
    const pool = streamingXapi({ random })
    const result = await copyBlocks(
      sourceOf(disk, outOfOrder(random, extents)),
      (): Promise<BlockSink> => openVhdSink(pool.xapi, vdi, { size: SIZE, extents }, signal),
      { signal, budget: createByteBudget(MiB), skipZeroes: 65536 },
    )
    if (result.bytesWritten === 0) continue
    assert.equal(pool.imports[0]?.finished, 1)
    assert.ok((await readBack(random, Buffer.concat(pool.imports[0]?.parts ?? []))).bytes.equals(disk))
  }
})

function complement(extents: readonly Extent[]): Extent[] {
  const out: Extent[] = []
  let at = 0
  for (const { offset, length } of extents) {
    out.push({ offset: at, length: offset - at })
    at = offset + length
  }
  return [...out, { offset: at, length: SIZE - at }]
}

test('G1: a VHD stream that lacks a block is not finished', async () => {
  const random = randomNumbers(seed + 3)
  const extents = [0, 1, 2].map((index) => ({ offset: index * MiB, length: MiB }))
  const pool = streamingXapi({ random })
  const sink = await openVhdSink(pool.xapi, vdi, { size: SIZE, extents }, signal)
  await sink.write(0, Buffer.alloc(MiB, 1))
  await sink.write(2 * MiB, Buffer.alloc(MiB, 1))
  await assert.rejects(sink.finish(), /1 block/)
  await sink.abort(new Error('incomplete'))
  assert.deepEqual([pool.imports[0]?.finished, pool.imports[0]?.aborted], [0, 1])
})

test('G1: a VHD stream whose last block never came is not finished either', async () => {
  const extents = [0, 1].map((index) => ({ offset: index * MiB, length: MiB }))
  const pool = streamingXapi({ random: randomNumbers(seed) })
  const sink = await openVhdSink(pool.xapi, vdi, { size: SIZE, extents }, signal)
  await sink.write(0, Buffer.alloc(MiB, 1))
  await assert.rejects(sink.finish(), /at byte 1048576/)
  assert.equal(pool.imports[0]?.finished, 0)
})

test('a broken upload is told by the write that meets it', async () => {
  const error = new Error('connection reset')
  for (const open of [
    openChunkedSink,
    (...[xapi, ref, stop]: Parameters<typeof openChunkedSink>) =>
      openVhdSink(xapi, ref, { size: SIZE, extents: [{ offset: 0, length: 4 * MiB }] }, stop),
  ]) {
    const pool = streamingXapi({ random: randomNumbers(seed), failWrite: { at: 0, error } })
    const sink = await open(pool.xapi, vdi, signal)
    await assert.rejects(sink.write(0, Buffer.alloc(2 * MiB, 1)), error)
  }
})
