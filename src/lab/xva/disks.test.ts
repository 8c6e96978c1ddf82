/** Disks into members of an archive and back, without a pool around them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import type { Disk } from '../pool.ts'
import type { ByteSource } from './byte-streams.ts'
import { ArchiveFault } from './ova-xml.ts'
import { PrematureEnd } from './read-archive.ts'
import { type FirstChunk, receiveDisk } from './receive-disks.ts'
import { sendDisk } from './send-disks.ts'
import { decodeTarHeader, encodeTarHeader, paddingAfter, TAR_BLOCK, TAR_END } from './tar-header.ts'

const MiB = 1 << 20
const seed = testSeed()
const random = randomNumbers(seed)

function memoryDisk(bytes: Buffer): Disk {
  return {
    uuid: 'disk',
    size: bytes.length,
    read: () => assert.fail('not needed'),
    readInto: (target, offset) => void bytes.copy(target, 0, offset, offset + target.length),
    write: (offset, data) => void data.copy(bytes, offset),
    zero: () => assert.fail('not needed'),
    holdsData: () => true,
    allocatedBlocks: () => [],
    allocatedExtents: () => [],
  }
}

async function sent(bytes: Buffer, now?: () => number): Promise<Buffer> {
  const parts: Buffer[] = []
  const sink = { write: async (data: Buffer) => void parts.push(Buffer.from(data)), end: async () => {}, abandon: () => {} }
  let done = 0
  await sendDisk(
    sink,
    { id: 'Ref:4', disk: memoryDisk(bytes) },
    (count) => {
      done += count
    },
    now,
  )
  assert.equal(done, bytes.length)
  return Buffer.concat([...parts, TAR_END])
}

function sourceOf(archive: Buffer): ByteSource {
  let at = 0
  return {
    read: async (length) => {
      const data = archive.subarray(at, at + length)
      at += data.length
      return data
    },
    close: async () => {},
  }
}

async function received(archive: Buffer, size: number, force = false): Promise<Buffer> {
  const bytes = Buffer.alloc(size)
  const first: FirstChunk = { length: undefined }
  let done = 0
  await receiveDisk(sourceOf(archive), memoryDisk(bytes), first, {
    ...{ size, id: 'Ref:4', force },
    done: (count) => {
      done += count
    },
  })
  assert.equal(done, size)
  return bytes
}

function names(archive: Buffer): string[] {
  const out: string[] = []
  for (let at = 0; ; ) {
    const header = decodeTarHeader(archive.subarray(at, at + TAR_BLOCK))
    if (!header) return out
    out.push(`${header.name}:${header.size}`)
    at += TAR_BLOCK + header.size + paddingAfter(header.size)
  }
}

test(`any disk comes back as it was, whatever of it is zero (seed ${seed})`, async () => {
  for (let round = 0; round < 12; round++) {
    const size = (1 + random(12)) * MiB - random(3) * 512
    const bytes = randomBytes(random, size)
    for (let at = 0; at < size; at += MiB) if (random(2) === 0) bytes.fill(0, at, Math.min(size, at + MiB))
    assert.ok((await received(await sent(bytes), size)).equals(bytes), `size ${size}`)
  }
})

test('pieces of zeroes are left out, except the first and the last', async () => {
  const bytes = Buffer.alloc(5 * MiB - 512)
  bytes[2 * MiB + 77] = 1
  assert.deepEqual(
    names(await sent(bytes)).filter((name) => !name.includes('xxhash')),
    [`Ref:4/00000000:${MiB}`, `Ref:4/00000002:${MiB}`, `Ref:4/00000004:${MiB - 512}`],
  )
})

test('after five seconds of silence an empty piece comes, takes a number, and moves nothing', async () => {
  const bytes = Buffer.alloc(40 * MiB)
  bytes.fill(7, 30 * MiB, 31 * MiB)
  let time = 0
  const archive = await sent(bytes, () => (time += 400))
  const all = names(archive).filter((name) => !name.includes('xxhash'))
  assert.ok(all.some((name) => name.endsWith(':0')))
  assert.ok(!all.includes(`Ref:4/00000030:${MiB}`), 'numbers after an empty piece are shifted')
  assert.ok((await received(archive, bytes.length)).equals(bytes))
})

test('a changed bit anywhere in a piece is refused, and the piece is taken all the same with force', async () => {
  const bytes = randomBytes(random, 3 * MiB)
  const archive = await sent(bytes)
  for (let round = 0; round < 10; round++) {
    const at = TAR_BLOCK + random(MiB)
    const bad = Buffer.from(archive)
    bad.writeUInt8(bad.readUInt8(at) ^ (1 << random(8)), at)
    await assert.rejects(received(bad, bytes.length), ArchiveFault)
    assert.ok(!(await received(bad, bytes.length, true)).equals(bytes))
  }
})

test(`an archive cut anywhere ends prematurely (seed ${seed})`, async () => {
  const bytes = randomBytes(random, 2 * MiB)
  const archive = await sent(bytes)
  const whole = archive.length - TAR_END.length
  for (const cut of [0, 1, 511, 512, 513, whole - 497, whole - 1, ...Array.from({ length: 20 }, () => random(whole))])
    await assert.rejects(received(archive.subarray(0, cut), bytes.length), PrematureEnd, `cut at ${cut}`)
})

test(`broken bytes in headers give an error or a disk, never anything else (seed ${seed})`, async () => {
  const bytes = Buffer.alloc(2 * MiB, 1)
  const archive = await sent(bytes)
  const heads = [0, TAR_BLOCK + MiB, 3 * TAR_BLOCK + MiB, 4 * TAR_BLOCK + 2 * MiB]
  for (let round = 0; round < 300; round++) {
    const bad = Buffer.from(archive)
    const head = heads[random(heads.length)] as number
    for (let count = 0; count <= random(3); count++) bad.writeUInt8(random(256), head + random(TAR_BLOCK))
    try {
      await received(bad, bytes.length)
    } catch (error) {
      assert.ok(error instanceof ArchiveFault || error instanceof PrematureEnd, String(error))
    }
  }
})

test('sizes past eight gigabytes are read in the form of other programs', () => {
  const header = encodeTarHeader('large', 0)
  header.fill(0, 124, 136)
  header[124] = 0x80
  header.writeUIntBE(2 ** 35 + 5, 130, 6)
  let sum = 8 * 0x20
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  assert.deepEqual(decodeTarHeader(header), { name: 'large', size: 2 ** 35 + 5, type: '0' })
})

test(`a million random or damaged headers give a member or nothing (seed ${seed})`, () => {
  const good = encodeTarHeader('Ref:4/00000000', MiB)
  const block = Buffer.alloc(TAR_BLOCK)
  for (let round = 0; round < 1_000_000; round++) {
    good.copy(block)
    for (let count = random(6); count >= 0; count--) block[random(TAR_BLOCK)] = random(256)
    const member = decodeTarHeader(block)
    if (member) assert.ok(Number.isSafeInteger(member.size) && member.size >= 0)
  }
})
