import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { needs } from '../../test/support/programs.ts'
import type { Extent } from '../block/block.ts'
import { Qcow2Error } from './error.ts'
import { planQcow2Export } from './export-qcow2.ts'
import { readQcow2 } from './read-qcow2.ts'

const CLUSTER = 65_536
const folder = mkdtempSync(join(tmpdir(), 'qcow2-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Bytes of the cluster at an offset of the disk. */
const clusterAt = (offset: number) => Buffer.alloc(CLUSTER, 1 + ((offset / CLUSTER) % 255))

function* encoded(size: number, extents: readonly Extent[]): Generator<Buffer> {
  const plan = planQcow2Export(size, extents)
  yield* plan.tables()
  for (const { offset, length } of plan.extents) for (let at = 0; at < length; at += CLUSTER) yield clusterAt(offset + at)
}

/** The stream in pieces of odd lengths. */
async function* cut(chunks: Iterable<Buffer>, length = 50_001): AsyncGenerator<Buffer> {
  for (const chunk of chunks) for (let at = 0; at < chunk.length; at += length) yield chunk.subarray(at, at + length)
}

const refused = (code: string) => (error: unknown) => error instanceof Qcow2Error && error.code === code

test('a sparse disk of 16 TiB is told by its tables alone, and its data comes with its offsets', async () => {
  const size = 2 ** 44
  const extents = [
    { offset: 0, length: 3 * CLUSTER },
    { offset: 2 ** 41 - CLUSTER, length: 2 * CLUSTER },
    { offset: size - CLUSTER, length: CLUSTER },
  ]
  const reader = await readQcow2(cut(encoded(size, extents)))
  assert.deepEqual([reader.size, reader.allocated], [size, extents])
  assert.ok(reader.bytesRead < 16 * CLUSTER, `${reader.bytesRead} bytes for the tables`)
  let bytes = 0
  for await (const { offset, data } of reader.blocks()) {
    for (let at = 0; at < data.length; at += CLUSTER) assert.deepEqual(data.subarray(at, at + CLUSTER), clusterAt(offset + at))
    bytes += data.length
  }
  assert.equal(bytes, 6 * CLUSTER)
})

test('a disk that ends inside a cluster gives no byte beyond its end, and one that holds nothing gives none', async () => {
  const size = 3 * CLUSTER + 512
  const reader = await readQcow2(cut(encoded(size, [{ offset: 2 * CLUSTER, length: CLUSTER + 512 }])))
  assert.deepEqual(reader.allocated, [{ offset: 2 * CLUSTER, length: CLUSTER + 512 }])
  const ends: number[] = []
  for await (const { offset, data } of reader.blocks()) ends.push(offset + data.length)
  assert.equal(ends.at(-1), size)
  const empty = await readQcow2(cut(encoded(size, [])))
  assert.deepEqual(empty.allocated, [])
  for await (const block of empty.blocks()) assert.fail(`data at ${block.offset}`)
})

test('a stream that ends early, goes on too long or is not one of ours is refused', async () => {
  const whole = Buffer.concat([...encoded(8 * CLUSTER, [{ offset: CLUSTER, length: 2 * CLUSTER }])])
  const read = async (bytes: Buffer) => {
    const reader = await readQcow2(cut([bytes]))
    for await (const _ of reader.blocks());
  }
  await read(whole)
  await assert.rejects(read(whole.subarray(0, whole.length - 1)), refused('truncated'))
  await assert.rejects(read(whole.subarray(0, CLUSTER + 5)), refused('truncated'))
  await assert.rejects(read(Buffer.concat([whole, Buffer.alloc(1)])), refused('not-at-the-end'))
  await assert.rejects(read(Buffer.alloc(4096)), refused('not-a-qcow2'))
  const changed = (offset: number, value: number) => {
    const bytes = Buffer.from(whole)
    bytes.writeUInt32BE(value, offset)
    return bytes
  }
  await assert.rejects(read(changed(8, 1)), refused('unsupported'))
  await assert.rejects(read(changed(24, 0x7fffffff)), refused('too-large'))
  await assert.rejects(read(changed(20, 40)), refused('bad-header'))
  await assert.rejects(read(changed(36, 0xffffffff)), refused('bad-header'))
})

test('random damage is an error or data inside the disk, never more', async (t) => {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31))
  t.diagnostic(`seed ${seed}`)
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 8) % below
  }
  const size = 64 * CLUSTER
  const whole = Buffer.concat([
    ...encoded(size, [
      { offset: CLUSTER, length: 2 * CLUSTER },
      { offset: 9 * CLUSTER, length: CLUSTER },
    ]),
  ])
  const tables = whole.length - 3 * CLUSTER
  for (let round = 0; round < 300; round += 1) {
    const bytes = Buffer.from(whole)
    // Headers and the beginnings of tables hold all that means something.
    for (let n = 0; n <= random(3); n += 1) bytes[Math.floor(random(tables) / CLUSTER) * CLUSTER + random(256)] = random(256)
    try {
      const reader = await readQcow2(cut([bytes.subarray(0, whole.length - random(2) * random(whole.length))]), { maxRuns: 100 })
      let last = 0
      for await (const { offset, data } of reader.blocks()) {
        assert.ok(offset >= last && offset + data.length <= reader.size)
        last = offset + data.length
      }
    } catch (error) {
      assert.ok(error instanceof Qcow2Error, String(error))
    }
  }
})

test('what is written is an image that QEMU finds sound, with the same content', needs('qemu-img'), () => {
  const size = 40 * CLUSTER + 1024
  const extents = [
    { offset: 0, length: CLUSTER },
    { offset: 7 * CLUSTER, length: 5 * CLUSTER },
    { offset: 40 * CLUSTER, length: 1024 },
  ]
  const image = join(folder, 'disk.qcow2')
  const file = openSync(image, 'w')
  for (const chunk of encoded(size, extents)) writeSync(file, chunk)
  closeSync(file)
  execFileSync('qemu-img', ['check', '-q', image])
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', image, join(folder, 'disk.raw')])
  const expected = Buffer.alloc(size)
  for (const { offset, length } of extents)
    for (let at = offset; at < offset + length; at += CLUSTER) clusterAt(at).copy(expected, at, 0, Math.min(CLUSTER, size - at))
  assert.deepEqual(readFileSync(join(folder, 'disk.raw')), expected)
})
