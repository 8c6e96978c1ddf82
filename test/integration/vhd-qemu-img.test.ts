/** The VHD codec against qemu-img, which shares no code and no author with it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { encodeVhdExport, planVhdExport } from '../../src/vhd/export-vhd.ts'
import { decodeFooter, geometryOf } from '../../src/vhd/footer.ts'
import { BLOCK_SIZE, planVhd } from '../../src/vhd/plan-vhd.ts'
import { readVhd } from '../../src/vhd/read-vhd.ts'
import { VhdStreamWriter } from '../../src/vhd/write-vhd.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../support/random-disk.ts'

const seed = testSeed()
let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-vhd-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const qemuImg = async (...args: string[]) => (await promisify(execFile)('qemu-img', args, { timeout: 60_000 })).stdout
const file = (name: string) => join(folder, name)

/** A disk with data here and there, as bytes. */
function sparseDisk(size: number, salt: number) {
  const random = randomNumbers(seed + salt)
  const extents = randomExtents(random, size, 60)
  const disk = Buffer.alloc(size)
  for (const { offset, length } of extents) randomBytes(random, length).copy(disk, offset)
  return { disk, extents }
}

async function readDisk(name: string, length?: number) {
  const vhd = await readVhd(createReadStream(file(name)), length === undefined ? {} : { length })
  const disk = Buffer.alloc(vhd.size)
  for await (const { offset, data } of vhd.blocks()) data.copy(disk, offset)
  return { vhd, disk }
}

test(`qemu-img accepts what we write and finds the same bytes in it (seed ${seed})`, needs('qemu-img'), async () => {
  for (const [salt, size] of [32 << 20, 300 << 20, (5 << 20) + 512].entries()) {
    const { disk, extents } = sparseDisk(size, salt)
    const plan = planVhd({ size, extents })
    const writer = new VhdStreamWriter(plan)
    const parts = extents.flatMap(({ offset, length }) => writer.write(offset, disk.subarray(offset, offset + length)))
    await writeFile(file('ours.vhd'), [...parts, ...writer.finish()])
    await writeFile(file('ours.raw'), disk)
    assert.equal((await stat(file('ours.vhd'))).size, plan.length)
    const info = JSON.parse(await qemuImg('info', '--output=json', file('ours.vhd')))
    assert.equal(info.format, 'vpc')
    assert.equal(info['virtual-size'], size)
    await qemuImg('compare', '-f', 'vpc', '-F', 'raw', file('ours.vhd'), file('ours.raw'))
    await qemuImg('convert', '-f', 'vpc', '-O', 'raw', file('ours.vhd'), file('back.raw'))
    assert.ok((await readFile(file('back.raw'))).equals(disk))
  }
})

test(`qemu-img finds in an export of XAPI's form the blocks that it says (seed ${seed})`, needs('qemu-img'), async () => {
  const { disk } = sparseDisk(40 << 20, 10)
  const plan = planVhdExport({ size: disk.length, blocks: [0, 1, 7, 19] })
  const parts: Buffer[] = []
  for await (const part of encodeVhdExport(plan, (block) => [disk.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE)])) parts.push(part)
  await writeFile(file('export.vhd'), parts)
  await qemuImg('convert', '-f', 'vpc', '-O', 'raw', file('export.vhd'), file('export.raw'))
  const expected = Buffer.alloc(disk.length)
  for (const block of plan.blocks) disk.copy(expected, block * BLOCK_SIZE, block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE)
  assert.ok((await readFile(file('export.raw'))).equals(expected))
  const map: { start: number; length: number; data: boolean }[] = JSON.parse(
    await qemuImg('map', '--output=json', '-f', 'vpc', file('export.vhd')),
  )
  const blocks = map
    .filter(({ data }) => data)
    .flatMap(({ start, length }) => Array.from({ length: length / BLOCK_SIZE }, (_, nth) => start / BLOCK_SIZE + nth))
  assert.deepEqual(blocks, plan.blocks)
})

test(`we read the dynamic disks that qemu-img writes (seed ${seed})`, needs('qemu-img'), async () => {
  for (const [salt, options] of ['subformat=dynamic', 'subformat=dynamic,force_size=on'].entries()) {
    const { disk } = sparseDisk(61 << 20, 20 + salt)
    await writeFile(file('theirs.raw'), disk)
    await qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', options, file('theirs.raw'), file('theirs.vhd'))
    const { vhd, disk: found } = await readDisk('theirs.vhd')
    assert.equal(vhd.kind, 'dynamic')
    // Without force_size the disk is rounded up to whole cylinders.
    assert.ok(options.includes('force_size') ? vhd.size === disk.length : vhd.size >= disk.length)
    assert.ok(found.subarray(0, disk.length).equals(disk))
    assert.ok(found.subarray(disk.length).every((byte) => byte === 0))
  }
})

test('we read an empty disk that qemu-img creates, and agree on its geometry', needs('qemu-img'), async () => {
  for (const size of ['1M', '16M', '900M', '33G', '130G', '2000G']) {
    await qemuImg('create', '-f', 'vpc', file('empty.vhd'), size)
    const { vhd } = await readEmpty('empty.vhd')
    assert.deepEqual(vhd.allocatedBlocks, [])
    const footer = (await readFile(file('empty.vhd'))).subarray(-512)
    const { cylinders, heads, sectorsPerTrack } = geometryOf(decodeFooter(footer).size)
    // qemu-img makes the size of a geometry; the largest geometry stands for every size beyond it.
    assert.deepEqual([cylinders, heads, sectorsPerTrack], [footer.readUInt16BE(56), footer[58], footer[59]], size)
  }
})

async function readEmpty(name: string) {
  const vhd = await readVhd(createReadStream(file(name)))
  assert.ok(vhd.kind === 'dynamic')
  for await (const extent of vhd.blocks()) assert.fail(`data at ${extent.offset}`)
  return { vhd }
}

test(`we recognise the fixed disks that qemu-img writes where the length is known (seed ${seed})`, needs('qemu-img'), async () => {
  const { disk } = sparseDisk(10 << 20, 30)
  await writeFile(file('theirs.raw'), disk)
  await qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', 'subformat=fixed,force_size=on', file('theirs.raw'), file('fixed.vhd'))
  const { vhd, disk: found } = await readDisk('fixed.vhd', (await stat(file('fixed.vhd'))).size)
  assert.equal(vhd.kind, 'fixed')
  assert.ok(found.equals(disk))
  await assert.rejects(readDisk('fixed.vhd'), { code: 'not-a-vhd' })
})
