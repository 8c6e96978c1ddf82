import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cut, randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { encodeVhdExport, planVhdExport } from './export-vhd.ts'
import { checksumOf, encodeFooter } from './footer.ts'
import { encodeHeader } from './header.ts'
import { BLOCK_SIZE, planVhd } from './plan-vhd.ts'
import { type ReadVhdOptions, readVhd, type SparseVhd } from './read-vhd.ts'
import { VhdStreamWriter } from './write-vhd.ts'

const MiB = 1 << 20
const seed = testSeed()
const PARENT = { uuid: '01234567-89ab-4def-8123-456789abcdef', name: 'parent.vhd' }

async function* one(bytes: Buffer) {
  yield bytes
}

async function open(bytes: Buffer, options?: ReadVhdOptions): Promise<SparseVhd> {
  const vhd = await readVhd(one(bytes), options)
  assert.notEqual(vhd.kind, 'fixed')
  return vhd as SparseVhd
}

async function whole(bytes: Buffer, options?: ReadVhdOptions) {
  const extents = []
  const vhd = await readVhd(one(bytes), options)
  for await (const extent of vhd.blocks()) extents.push(extent)
  return { vhd, extents }
}

/** A dynamic VHD written by hand: what stands in the bitmap and the data of each block is the test's. */
function byHand(size: number, blockSize: number, blocks: { index: number; bitmap: Buffer; data: Buffer }[], gap = 0): Buffer {
  const entries = Math.ceil(size / blockSize)
  const table = Buffer.alloc(Math.ceil((entries * 4) / 512) * 512, 0xff)
  const body: Buffer[] = []
  let place = 1536 + table.length
  for (const { index, bitmap, data } of blocks) {
    body.push(Buffer.alloc(gap), bitmap, data)
    table.writeUInt32BE((place + gap) / 512, index * 4)
    place += gap + bitmap.length + data.length
  }
  const footer = encodeFooter({ kind: 'dynamic', size })
  return Buffer.concat([footer, encodeHeader({ tableOffset: 1536, tableEntries: entries, blockSize }), table, ...body, footer])
}

test(`what is written is read back, sector by sector, however the stream is cut (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 12; round++) {
    const size = (1 + random(9 * 2048)) * 512
    const disk = randomBytes(random, size)
    const extents = randomExtents(random, size, 40)
    const plan = planVhd({ size, extents, ...(round % 2 && { parent: PARENT }) })
    const writer = new VhdStreamWriter(plan)
    const buffers: Buffer[] = []
    for (const { offset, length } of extents) buffers.push(...writer.write(offset, disk.subarray(offset, offset + length)))
    buffers.push(...writer.finish())
    const stream = Buffer.concat(buffers)
    assert.equal(stream.length, plan.length)
    assert.equal(writer.bytesGiven, plan.length)

    const vhd = await readVhd(cut(random, stream))
    assert.ok(vhd.kind !== 'fixed')
    assert.equal(vhd.kind, round % 2 ? 'differencing' : 'dynamic')
    assert.equal(vhd.parentUuid, round % 2 ? PARENT.uuid : undefined)
    assert.equal(vhd.size, size)
    assert.deepEqual(vhd.allocatedBlocks, plan.blocks)
    const given = new Uint8Array(size / 512)
    for await (const { offset, data } of vhd.blocks()) {
      assert.ok(data.equals(disk.subarray(offset, offset + data.length)), `data at ${offset}`)
      for (let sector = offset / 512; sector < (offset + data.length) / 512; sector++) given[sector] = (given[sector] as number) + 1
    }
    assert.equal(vhd.bytesRead, plan.length)
    const due = new Uint8Array(size / 512)
    for (const { offset, length } of extents) due.fill(1, offset / 512, (offset + length) / 512)
    assert.deepEqual(given, due)
  }
})

test('the block table is known before the stream has come any further', async () => {
  const plan = planVhd({ size: 64 * MiB, blocks: [3, 7, 30] })
  let asked = false
  const vhd = await readVhd(
    (async function* () {
      yield plan.head
      asked = true
    })(),
  )
  assert.ok(vhd.kind === 'dynamic')
  assert.deepEqual(vhd.allocatedBlocks, [3, 7, 30])
  assert.equal(asked, false)
  await vhd.close()
})

test('runs are merged inside a block, cut at the largest extent and at the end of the disk', async () => {
  const size = 2 * BLOCK_SIZE + 1536
  const plan = planVhd({ size, extents: [{ offset: 0, length: size }] })
  const stream = Buffer.concat([plan.head, ...[0, 1, 2].map(() => Buffer.alloc(512 + BLOCK_SIZE, 0xff)), plan.footer])
  const read = async (maxExtent?: number) =>
    (await whole(stream, maxExtent ? { maxExtent } : {})).extents.map(({ offset, data }) => [offset, data.length])
  assert.deepEqual(await read(), [
    [0, BLOCK_SIZE],
    [BLOCK_SIZE, BLOCK_SIZE],
    [2 * BLOCK_SIZE, 1536],
  ])
  assert.deepEqual((await read(MiB)).slice(0, 3), [
    [0, MiB],
    [MiB, MiB],
    [BLOCK_SIZE, MiB],
  ])
})

test('blocks of any size are read, in the order in which they lie, with gaps between them', async () => {
  for (const blockSize of [512, 4096, 64 * 1024, 512 * 1024, 4 * MiB]) {
    const sectors = blockSize / 512
    const bitmap = Buffer.alloc(Math.ceil(sectors / 8 / 512) * 512)
    bitmap[((sectors - 1) >> 3) | 0] = 0x80 >>> ((sectors - 1) & 7) // the last sector alone
    const block = (index: number, fill: number) => ({ index, bitmap, data: Buffer.alloc(blockSize, fill) })
    const { extents } = await whole(byHand(blockSize * 5, blockSize, [block(4, 4), block(0, 7), block(2, 2)], 1024))
    assert.deepEqual(
      extents.map(({ offset, data }) => [offset, data.length, data[0]]),
      [4, 0, 2].map((index, nth) => [(index + 1) * blockSize - 512, 512, [4, 7, 2][nth]]),
      `blocks of ${blockSize}`,
    )
  }
})

test('an export is laid out as XAPI does it: table at 2048, whole blocks ascending, full bitmaps, one locator', async () => {
  const disk = randomBytes(randomNumbers(1), 16 * MiB)
  const base = { uuid: PARENT.uuid, path: '/run/sr-mount/x/base.vhd' }
  const plan = planVhdExport({ size: disk.length, blocks: [3, 0], base })
  const parts: Buffer[] = []
  for await (const part of encodeVhdExport(plan, (index) => [disk.subarray(index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE)])) parts.push(part)
  const stream = Buffer.concat(parts)
  // Figures of the recording "vhd with a base" of a real server.
  assert.equal(stream.length, 4198400)
  assert.equal(stream.readBigUInt64BE(512 + 16), 2048n)
  assert.equal(stream.readUInt32BE(2048), 2560 / 512)
  assert.deepEqual(stream.subarray(0, 512), stream.subarray(-512))
  assert.equal(stream.toString('latin1', 512 + 576, 512 + 580), 'MacX')
  assert.ok(stream.subarray(1536, 2048).every((byte) => byte === 0))
  const { vhd, extents } = await whole(stream)
  assert.ok(vhd.kind === 'differencing')
  assert.equal(vhd.header.parentName, base.path)
  assert.deepEqual(
    extents.map(({ offset, data }) => [offset, data.length]),
    [
      [0, BLOCK_SIZE],
      [3 * BLOCK_SIZE, BLOCK_SIZE],
    ],
  )
})

test('planned blocks that get no data have empty bitmaps, and the length holds', async () => {
  const plan = planVhd({ size: 8 * BLOCK_SIZE, blocks: [1, 2, 5] })
  const writer = new VhdStreamWriter(plan)
  const stream = Buffer.concat([...writer.write(2 * BLOCK_SIZE, Buffer.alloc(512, 9)), ...writer.finish()])
  assert.equal(stream.length, plan.length)
  const { extents } = await whole(stream)
  assert.deepEqual(extents, [{ offset: 2 * BLOCK_SIZE, data: Buffer.alloc(512, 9) }])
})

test('a writer refuses what was not planned', () => {
  const plan = planVhd({ size: 4 * BLOCK_SIZE, extents: [{ offset: BLOCK_SIZE, length: 1024 }] })
  const refused = (write: (writer: VhdStreamWriter) => void) =>
    assert.throws(() => write(new VhdStreamWriter(plan)), { code: 'not-planned' })
  refused((writer) => writer.write(0, Buffer.alloc(512)))
  refused((writer) => writer.write(2 * BLOCK_SIZE, Buffer.alloc(512)))
  refused((writer) => writer.write(BLOCK_SIZE + 100, Buffer.alloc(512)))
  refused((writer) => writer.write(BLOCK_SIZE, Buffer.alloc(100)))
  refused((writer) => writer.write(4 * BLOCK_SIZE, Buffer.alloc(512)))
  refused((writer) => {
    writer.write(BLOCK_SIZE + 512, Buffer.alloc(512))
    writer.write(BLOCK_SIZE, Buffer.alloc(512))
  })
  assert.throws(() => planVhd({ size: 1000 }), { code: 'not-planned' })
  assert.throws(() => planVhd({ size: MiB, extents: [{ offset: MiB, length: 512 }] }), { code: 'not-planned' })
  assert.throws(() => planVhd({ size: MiB, blocks: [1] }), { code: 'not-planned' })
})

test('a stream cut anywhere is noticed', async () => {
  const plan = planVhd({ size: 4 * BLOCK_SIZE, blocks: [0, 2] })
  const writer = new VhdStreamWriter(plan)
  const stream = Buffer.concat([...writer.write(4096, Buffer.alloc(8192, 1)), ...writer.finish()])
  const ends = [
    0,
    100,
    511,
    512,
    1500,
    1536,
    2048,
    2050,
    plan.head.length,
    plan.head.length + 512,
    stream.length - 600,
    stream.length - 512,
    stream.length - 1,
  ]
  for (const end of ends)
    await assert.rejects(whole(stream.subarray(0, end)), { name: 'VhdError', code: /truncated|bad-final-footer/ }, `${end}`)
  await whole(stream)
})

test('a final footer that is missing, damaged or of another disk is noticed', async () => {
  const plan = planVhd({ size: BLOCK_SIZE, blocks: [] })
  const withEnd = (end: Buffer) => whole(Buffer.concat([plan.head, end]))
  await withEnd(plan.footer)
  await assert.rejects(withEnd(Buffer.alloc(0)), { code: 'truncated' })
  await assert.rejects(withEnd(Buffer.alloc(512)), { code: 'bad-final-footer' })
  await assert.rejects(withEnd(planVhd({ size: BLOCK_SIZE }).footer), { code: 'bad-final-footer' })
  await assert.rejects(withEnd(Buffer.concat([plan.footer, Buffer.from('HTTP/1.1 500 Internal Error\r\n')])), { code: 'bad-final-footer' })
})

test('claims of monstrous sizes are refused before memory is taken for them', async () => {
  const header = (fields: { tableEntries?: number; blockSize?: number; tableOffset?: number }) =>
    encodeHeader({ tableOffset: 2048, tableEntries: 1, blockSize: BLOCK_SIZE, ...fields })
  const stream = (size: number, fields: Parameters<typeof header>[0]) =>
    Buffer.concat([encodeFooter({ kind: 'dynamic', size }), header(fields)])
  await assert.rejects(open(stream(2 ** 50, {})), { code: 'too-large' })
  await assert.rejects(open(stream(2 ** 40, { blockSize: 512, tableEntries: 2 ** 31 })), { code: 'too-large' })
  await assert.rejects(open(stream(MiB, { tableEntries: 2 ** 31 })), { code: 'too-large' })
  await assert.rejects(open(stream(MiB, { blockSize: 2 ** 31 })), { code: 'too-large' })
  await assert.rejects(open(stream(MiB, { tableOffset: 2 ** 50 })), { code: 'truncated' })
  await assert.rejects(open(stream(MiB, { tableOffset: 512 })), { code: 'not-forward' })
  await assert.rejects(open(stream(4 * MiB, { tableEntries: 1 })), { code: 'bad-header' })
})

test('a block table whose blocks overlap, lie in the head or beyond the disk is refused', async () => {
  const table = async (...entries: number[]) => {
    const { head, footer } = planVhd({ size: 4 * BLOCK_SIZE - 512, blocks: [] })
    const bytes = Buffer.from(head)
    bytes.writeUInt32BE(5, 512 + 28)
    bytes.writeUInt32BE(checksumOf(bytes.subarray(512, 1536), 36), 512 + 36)
    entries.forEach((sector, nth) => {
      bytes.writeUInt32BE(sector, 2048 + nth * 4)
    })
    await open(Buffer.concat([bytes, footer]))
  }
  await table(5, 5 + 4097)
  await assert.rejects(table(5, 5), { code: 'bad-table' })
  await assert.rejects(table(5, 6), { code: 'bad-table' })
  await assert.rejects(table(0), { code: 'bad-table' })
  await assert.rejects(table(0xffff_ffff, 4), { code: 'bad-table' })
  await assert.rejects(table(0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 5), { code: 'bad-table' })
})

test('a fixed disk is read where the length is known, its footer checked at the end', async () => {
  const disk = randomBytes(randomNumbers(2), 3 * MiB)
  const stream = Buffer.concat([disk, encodeFooter({ kind: 'fixed', size: disk.length })])
  const { vhd, extents } = await whole(stream, { length: stream.length })
  assert.equal(vhd.kind, 'fixed')
  assert.equal(vhd.size, disk.length)
  assert.ok(Buffer.concat(extents.map(({ data }) => data)).equals(disk))
  await assert.rejects(whole(stream), { code: 'not-a-vhd' })
  await assert.rejects(whole(disk, { length: disk.length }), { code: 'bad-final-footer' })
  await assert.rejects(whole(stream.subarray(0, -1024), { length: stream.length }), { code: 'truncated' })
})

test('an error of the source comes through, and leaving early closes the source', async () => {
  const plan = planVhd({ size: 4 * BLOCK_SIZE, extents: [{ offset: 0, length: 4 * BLOCK_SIZE }] })
  const broken = new Error('connection lost')
  let closed = 0
  async function* source(failing: boolean) {
    try {
      yield plan.head
      for (const _ of plan.blocks) yield Buffer.alloc(512 + BLOCK_SIZE, 0xff)
      if (failing) throw broken
      yield plan.footer
    } finally {
      closed++
    }
  }
  const read = async (failing: boolean, most: number) => {
    let count = 0
    for await (const _ of (await readVhd(source(failing))).blocks()) if (++count === most) break
  }
  await assert.rejects(read(true, 100), broken)
  await read(false, 1)
  assert.equal(closed, 2)
})
