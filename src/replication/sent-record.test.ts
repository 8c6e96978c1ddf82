import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { createContentDigest, DIGEST_GRANULE } from '../block/content-digest.ts'
import { normalise, splitAt } from '../block/extents.ts'
import { createSentRecord, sampler } from './sent-record.ts'

const seed = testSeed()
const MiB = 1 << 20
const SIZE = 9 * MiB + 512

test(`the record covers exactly what was sent, and what is read back of its extents has its digest (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 20; round++) {
    const disk = randomBytes(random, SIZE)
    const sent = randomExtents(random, SIZE, 30)
    // The end of the disk, which is no whole granule.
    if (round % 2) sent.push({ offset: SIZE - 512, length: 512 })
    const extents = normalise(sent)
    const record = createSentRecord(SIZE)
    for (const { offset, length } of extents.toSorted(() => random(3) - 1)) record.add(offset, disk.subarray(offset, offset + length))
    assert.deepEqual(normalise(record.extents()), extents)
    const back = createContentDigest()
    for (const { offset, length } of record.extents()) back.add(offset, disk.subarray(offset, offset + length))
    assert.equal(back.hex(), record.digest.hex())
    assert.equal(back.bytes, record.digest.bytes)
  }
})

test(`of chosen granules only what lies in them is remembered (seed ${seed})`, () => {
  const random = randomNumbers(seed + 1)
  const disk = randomBytes(random, SIZE)
  const sent = randomExtents(random, SIZE, 30)
  const record = createSentRecord(SIZE, (granule) => granule % 3 === 1)
  for (const { offset, length } of sent) record.add(offset, disk.subarray(offset, offset + length))
  const chosen = [...splitAt(sent, DIGEST_GRANULE)].filter(({ offset }) => Math.floor(offset / DIGEST_GRANULE) % 3 === 1)
  assert.deepEqual(normalise(record.extents()), normalise(chosen))
  const expected = createContentDigest()
  for (const { offset, length } of chosen) expected.add(offset, disk.subarray(offset, offset + length))
  assert.equal(record.digest.hex(), expected.hex())
})

test('one bit that reads back differently gives another digest, wherever it is', () => {
  const record = createSentRecord(4 * MiB)
  const disk = Buffer.alloc(4 * MiB, 1)
  record.add(MiB + 512, disk.subarray(MiB + 512, 3 * MiB + 1024))
  for (const at of [MiB + 512, 2 * MiB, 3 * MiB + 1023]) {
    const back = createContentDigest()
    const damaged = Buffer.from(disk)
    damaged[at] = 0
    for (const { offset, length } of record.extents()) back.add(offset, damaged.subarray(offset, offset + length))
    assert.notEqual(back.hex(), record.digest.hex(), `${at}`)
  }
})

test('a record of a 64 TiB disk costs no memory to speak of', () => {
  const size = 64 * 2 ** 40
  const record = createSentRecord(size)
  record.add(size - 512, Buffer.alloc(512, 1))
  assert.deepEqual(record.extents(), [{ offset: size - 512, length: 512 }])
})

test(`about as many samples are chosen as asked for, wherever on the disk the granules lie (seed ${seed})`, () => {
  const random = randomNumbers(seed + 2)
  const layouts: readonly [string, (nth: number) => number][] = [
    ['one after the other', (nth) => nth],
    ['far behind', (nth) => 100_000_000 + nth],
    ['every 32nd', (nth) => nth * 32],
    ['every 1000th', (nth) => nth * 1000],
  ]
  for (const [name, granule] of layouts) {
    let total = 0
    for (let run = 0; run < 50; run++) {
      const choose = sampler(10_000, 64, `run ${random(1 << 30)}`)
      let count = 0
      for (let nth = 0; nth < 10_000; nth++) if (choose(granule(nth))) count++
      assert.ok(count >= 20 && count <= 130, `${name}: ${count}`)
      total += count
    }
    assert.ok(total > 50 * 56 && total < 50 * 74, `${name}: ${total / 50} on average`)
  }
})

test('the same seed chooses the same granules, another one others; the first granule asked for is always among them', () => {
  const chosen = (name: string, from: number) => {
    const choose = sampler(10_000, 64, name)
    return Array.from({ length: 10_000 }, (_, nth) => nth + from).filter((granule) => choose(granule))
  }
  assert.deepEqual(chosen('run a', 0), chosen('run a', 0))
  assert.notDeepEqual(chosen('run a', 0), chosen('run b', 0))
  for (let from = 0; from < 50; from++) assert.equal(chosen('run a', from)[0], from)
})

test('a small delta is remembered whole', () => {
  const choose = sampler(64, 64, 'run')
  for (let granule = 0; granule < 1000; granule++) assert.equal(choose(granule), true)
})
