/** Reading back where there is no NBD: over a raw export, which is cut anywhere. Over NBD: test/integration. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { streamingXapi, vhdOf } from '../../test/support/streaming-xapi.ts'
import { createByteBudget } from '../block/budget.ts'
import type { Ref } from '../xapi/ref.ts'
import { createSentRecord, sampler } from './sent-record.ts'
import { verifySent, verifyWhole } from './verify.ts'

const MiB = 1 << 20
const SIZE = 8 * MiB
const seed = testSeed()
const { signal } = new AbortController()
const ref = 'vdi' as Ref<'VDI'>

/** A pool that serves no NBD, with one disk. */
const poolWith = (random: (below: number) => number, disk: Buffer, vhd?: Buffer) =>
  streamingXapi({
    random,
    exported: ({ format }) => (format === 'vhd' ? (vhd ?? Buffer.alloc(512)) : disk),
    calls: { 'VDI.get_nbd_info': [] },
  })

test(`G1: what was sent is compared whatever its extents and the chunks of the export, and one wrong bit is told (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 25; round++) {
    const disk = randomBytes(random, SIZE)
    const extents = randomExtents(random, SIZE, 25)
    const mode = round % 2 ? 'sample' : 'changed'
    const record = createSentRecord(SIZE, mode === 'sample' ? sampler(100, 20, String(round)) : undefined)
    for (const { offset, length } of extents) record.add(offset, disk.subarray(offset, offset + length))
    const compared = record.extents()
    if (compared.length === 0) continue
    const budget = createByteBudget(2 * MiB)
    const pool = poolWith(random, disk)
    let told = 0
    const report = await verifySent({ signal, budget }, pool.xapi, { ref, size: SIZE }, record, mode, (done) => {
      told = done
    })
    assert.deepEqual([report.equal, report.bytes, told, budget.used], [true, record.digest.bytes, record.digest.bytes, 0])
    assert.equal(report.source, report.target)

    const damaged = Buffer.from(disk)
    const { offset, length } = compared[random(compared.length)] as (typeof compared)[number]
    const at = offset + random(length)
    damaged[at] = (damaged[at] as number) ^ (1 << random(8))
    await assert.rejects(
      verifySent({ signal, budget }, poolWith(random, damaged).xapi, { ref, size: SIZE }, record, mode, () => {}),
      {
        code: 'VERIFY_DIFFERS',
      },
    )
    assert.equal(budget.used, 0)
  }
})

test('G1: an export that ends early is an error, not a shorter comparison', async () => {
  const random = randomNumbers(seed + 1)
  const disk = randomBytes(random, SIZE)
  const record = createSentRecord(SIZE)
  record.add(0, disk)
  const budget = createByteBudget(MiB)
  const pool = poolWith(random, disk.subarray(0, 5 * MiB))
  await assert.rejects(
    verifySent({ signal, budget }, pool.xapi, { ref, size: SIZE }, record, 'changed', () => {}),
    /ended after/,
  )
  assert.deepEqual([budget.used, pool.exports.opened, pool.exports.closed], [0, 1, 1])
})

test('a callback that fails gives the memory back', async () => {
  const random = randomNumbers(seed + 3)
  const disk = randomBytes(random, SIZE)
  const record = createSentRecord(SIZE)
  record.add(0, disk)
  const budget = createByteBudget(MiB)
  const boom = () => {
    throw new Error('boom')
  }
  await assert.rejects(verifySent({ signal, budget }, poolWith(random, disk).xapi, { ref, size: SIZE }, record, 'changed', boom), /boom/)
  assert.equal(budget.used, 0)
})

test(`G1: whole disks are compared by what their block tables and bytes say; the hash is the plain SHA-256 (seed ${seed})`, async () => {
  const random = randomNumbers(seed + 2)
  const pieces = randomExtents(random, SIZE, 8).map(({ offset, length }): [number, Buffer] => [offset, randomBytes(random, length)])
  const disk = Buffer.alloc(SIZE)
  for (const [offset, data] of pieces) data.copy(disk, offset)
  const vhd = vhdOf(SIZE, pieces)
  const budget = createByteBudget(4 * MiB)
  // The target's storage rounds sizes up, and has no VHDs to tell what is allocated: everything of it is read.
  const larger = Buffer.concat([disk, Buffer.alloc(MiB)])
  const whole = (target: Buffer) =>
    verifyWhole(
      { signal, budget },
      { xapi: poolWith(random, disk, vhd).xapi, disk: { ref, size: SIZE } },
      { xapi: poolWith(random, target).xapi, disk: { ref, size: larger.length } },
      () => {},
    )
  const report = await whole(larger)
  assert.deepEqual([report.equal, report.bytes], [true, SIZE])
  assert.equal(report.source, createHash('sha256').update(disk).digest('hex'))
  for (const at of [0, SIZE / 2, SIZE - 1]) {
    const damaged = Buffer.from(larger)
    damaged[at] = (damaged[at] as number) ^ 1
    await assert.rejects(whole(damaged), { code: 'VERIFY_DIFFERS' })
  }
  assert.equal(budget.used, 0)
})
