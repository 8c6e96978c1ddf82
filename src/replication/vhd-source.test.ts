import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { type StreamingOptions, streamingXapi, vhdOf } from '../../test/support/streaming-xapi.ts'
import type { Extent } from '../block/block.ts'
import { createByteBudget } from '../block/budget.ts'
import { normalise, subtract } from '../block/extents.ts'
import type { Ref } from '../xapi/ref.ts'
import { openVhdSource, readAllocatedExtents } from './vhd-source.ts'

const MiB = 1 << 20
const SIZE = 12 * MiB
const BLOCK = 2 * MiB
const seed = testSeed()
const { signal } = new AbortController()
const vdi = 'vdi' as Ref<'VDI'>
const base = 'base' as Ref<'VDI'>

/** A disk with some sectors written, as its export. */
function written(random: (below: number) => number) {
  const extents = randomExtents(random, SIZE, 25)
  const pieces = extents.map(({ offset, length }): [number, Buffer] => [offset, randomBytes(random, length)])
  const bytes = Buffer.alloc(SIZE)
  for (const [offset, data] of pieces) data.copy(bytes, offset)
  return { extents, bytes, vhd: vhdOf(SIZE, pieces) }
}

/** Reads a source to its end and puts the blocks together. */
async function readAll(options: StreamingOptions, request: { base?: Ref<'VDI'>; only?: readonly Extent[] }) {
  const pool = streamingXapi(options)
  const budget = createByteBudget(4 * MiB)
  const source = await openVhdSource(pool.xapi, { vdi, signal, ...request })
  const bytes = Buffer.alloc(SIZE)
  const given: Extent[] = []
  try {
    for await (const block of source.blocks({ signal, budget })) {
      assert.ok(block.offset % 512 === 0 && block.data.length % 512 === 0 && block.data.length > 0)
      block.data.copy(bytes, block.offset)
      given.push({ offset: block.offset, length: block.data.length })
      block.release()
    }
  } finally {
    await source.close()
    await source.close()
  }
  assert.equal(
    given.length === 0 ? 0 : given.reduce((sum, { length }) => sum + length, 0),
    normalise(given).reduce((sum, { length }) => sum + length, 0),
    'a byte came twice',
  )
  return { source, bytes, given: normalise(given), budget, pool }
}

test(`a whole export gives what the disk holds, and nothing else (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 5; round++) {
    const { extents, bytes, vhd } = written(random)
    const read = await readAll({ random, exported: () => vhd }, {})
    assert.ok(read.bytes.equals(bytes))
    assert.deepEqual(read.given, normalise(extents))
    assert.deepEqual([read.source.kind, read.source.size, read.source.bytesRead], ['vhd-export', SIZE, vhd.length])
    assert.deepEqual([read.budget.used, read.pool.exports.closed, read.pool.exports.finished], [0, 1, 1])
  }
})

test(`with extents given, exactly what lies inside of them is given, whatever way they cross the export's own (seed ${seed})`, async () => {
  const random = randomNumbers(seed + 1)
  for (let round = 0; round < 30; round++) {
    const { extents, bytes, vhd } = written(random)
    const only = normalise(randomExtents(random, SIZE, random(40)))
    const read = await readAll({ random, exported: () => vhd }, { only })
    const held = normalise(extents)
    assert.deepEqual(read.given, subtract(held, subtract(held, only)))
    for (const { offset, length } of read.given)
      assert.ok(read.bytes.subarray(offset, offset + length).equals(bytes.subarray(offset, offset + length)))
    assert.equal(read.source.kind, 'cbt+vhd-export')
    assert.equal(read.budget.used, 0)
  }
})

test('a differencing export is asked for by its base', async () => {
  const { vhd } = written(randomNumbers(seed + 2))
  const read = await readAll({ random: randomNumbers(seed), exported: () => vhd }, { base })
  assert.equal(read.source.kind, 'vhd-delta')
  assert.deepEqual(read.pool.exports.asked, [{ format: 'vhd', base: 'base' }])
})

test('the block table tells what is allocated, in blocks; the rest of the export is not read', async () => {
  const random = randomNumbers(seed + 3)
  const vhd = vhdOf(SIZE, [
    [512, randomBytes(random, 512)],
    [3 * BLOCK - 512, randomBytes(random, 1024)],
    [SIZE - 512, randomBytes(random, 512)],
  ])
  const pool = streamingXapi({ random, exported: () => vhd })
  const { extents, bytesRead } = await readAllocatedExtents(pool.xapi, vdi, signal)
  assert.deepEqual(extents, [
    { offset: 0, length: BLOCK },
    { offset: 2 * BLOCK, length: 2 * BLOCK },
    { offset: SIZE - BLOCK, length: BLOCK },
  ])
  assert.ok(bytesRead < 64 * 1024, `${bytesRead} bytes for a block table`)
  assert.equal(pool.exports.closed, 1)
})

test('G1: an export that is cut off, or whose task failed, is never taken for complete', async () => {
  const random = randomNumbers(seed + 4)
  const { vhd } = written(random)
  for (const length of [vhd.length - 1, vhd.length - 512, vhd.length - MiB])
    await assert.rejects(readAll({ random, exported: () => vhd.subarray(0, length) }, {}), { name: 'VhdError' })
  const taskError = new Error('the task failed')
  await assert.rejects(readAll({ random, exported: () => vhd, taskError }, {}), taskError)
})

test('what is no VHD ends the export at once', async () => {
  for (const exported of [Buffer.from('HTTP/1.1 500 Internal Server Error\r\n\r\n'), Buffer.alloc(4096), Buffer.alloc(0)]) {
    const pool = streamingXapi({ random: randomNumbers(seed), exported: () => exported })
    await assert.rejects(openVhdSource(pool.xapi, { vdi, signal }), { name: 'VhdError' })
    assert.deepEqual([pool.exports.opened, pool.exports.closed], [1, 1])
  }
})
