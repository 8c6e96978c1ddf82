/** Disks moved in and out of a simulated pool by curl, and looked at with qemu-img: programs that know nothing of ours. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { type CurlPool, startCurlPool } from '../support/curl-pool.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../support/random-disk.ts'

const MiB = 1 << 20
const BLOCK = 2 * MiB
const SIZE = 48 * MiB
const seed = testSeed()
const random = randomNumbers(seed)
let lab: CurlPool

before(async () => {
  lab = await startCurlPool()
})
after(() => lab?.close())

const file = (name: string) => lab.file(name)
const qemuImg = async (...args: string[]) => (await promisify(execFile)('qemu-img', args, { timeout: 60_000 })).stdout

const somePieces = (most: number): [number, Buffer][] =>
  randomExtents(random, SIZE, most).map(({ offset, length }) => [offset, randomBytes(random, length)])

function overlay(disk: Buffer, pieces: [number, Buffer][]): Buffer {
  const bytes = Buffer.from(disk)
  for (const [offset, data] of pieces) data.copy(bytes, offset)
  return bytes
}

test(
  `a raw disk that curl uploads comes back the same, also as VHD by the judgement of qemu-img (seed ${seed})`,
  needs('curl', 'qemu-img'),
  async () => {
    const disk = overlay(Buffer.alloc(SIZE), somePieces(30))
    await writeFile(file('disk.raw'), disk)
    const vdi = await lab.newDisk(SIZE)
    assert.equal((await lab.put(vdi, file('disk.raw'), { format: 'raw' })).status, 'success')
    assert.ok((await lab.get(vdi, 'back.raw', { format: 'raw' })).equals(disk))
    await lab.get(vdi, 'back.vhd', { format: 'vhd' })
    assert.equal(JSON.parse(await qemuImg('info', '--output=json', file('back.vhd')))['virtual-size'], SIZE)
    await qemuImg('compare', '-f', 'vpc', '-F', 'raw', file('back.vhd'), file('disk.raw'))
    await qemuImg('convert', '-f', 'vpc', '-O', 'raw', file('back.vhd'), file('converted.raw'))
    assert.ok((await readFile(file('converted.raw'))).equals(disk))
  },
)

test(
  `a VHD that qemu-img makes is imported with its exact length, and with any other fails (seed ${seed})`,
  needs('curl', 'qemu-img'),
  async () => {
    const disk = overlay(Buffer.alloc(SIZE), somePieces(30))
    await writeFile(file('disk.raw'), disk)
    await qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', 'subformat=dynamic,force_size=on', file('disk.raw'), file('disk.vhd'))
    const vdi = await lab.newDisk(SIZE)
    assert.equal((await lab.put(vdi, file('disk.vhd'), { format: 'vhd' })).status, 'success')
    assert.ok((await lab.get(vdi, 'back.raw')).equals(disk))
    await writeFile(file('long.vhd'), [await readFile(file('disk.vhd')), Buffer.alloc(512)])
    const { status, error_info } = await lab.put(vdi, file('long.vhd'), { format: 'vhd' })
    assert.deepEqual([status, error_info[0]], ['failure', 'VDI_IO_ERROR'])
  },
)

test(
  `a chain of snapshots leaves as VHDs that qemu-img and a second disk put together again (seed ${seed})`,
  needs('curl', 'qemu-img'),
  async () => {
    const vdi = await lab.newDisk(SIZE)
    const chain: { snapshot: string; content: Buffer }[] = []
    let content: Buffer = Buffer.alloc(SIZE)
    for (let step = 0; step < 3; step++) {
      const pieces = somePieces(step === 0 ? 30 : 5)
      await lab.write(vdi, pieces)
      content = overlay(content, pieces)
      chain.push({ snapshot: await lab.call('VDI.snapshot', vdi, {}), content })
    }
    const copy = await lab.newDisk(SIZE)
    const rebuilt = Buffer.alloc(SIZE)
    for (const [nth, { snapshot, content: expected }] of chain.entries()) {
      const base = chain[nth - 1]?.snapshot
      const stream = await lab.get(snapshot, 'step.vhd', { format: 'vhd', ...(base !== undefined && { base }) })
      assert.equal(stream.readUInt32BE(60), base === undefined ? 3 : 4, 'the disk type')
      // qemu-img takes a differencing disk for one without parent: the blocks that it finds are laid over what was there.
      await qemuImg('convert', '-f', 'vpc', '-O', 'raw', file('step.vhd'), file('step.raw'))
      const raw = await readFile(file('step.raw'))
      const map: { start: number; length: number; data: boolean }[] = JSON.parse(
        await qemuImg('map', '--output=json', '-f', 'vpc', file('step.vhd')),
      )
      for (const { start, length, data } of map) if (data) raw.copy(rebuilt, start, start, start + length)
      assert.ok(rebuilt.equals(expected), `step ${nth} by qemu-img`)
      assert.equal((await lab.put(copy, file('step.vhd'), { format: 'vhd' })).status, 'success')
      assert.ok((await lab.get(copy, 'copy.raw')).equals(expected), `step ${nth} by import`)
    }
    const changed = await lab.get(chain[2]!.snapshot, 'delta.vhd', { format: 'vhd', base: chain[1]!.snapshot })
    assert.ok(changed.length < SIZE, 'a delta holds the blocks that changed only')
    assert.notEqual(changed.subarray(512 + 40, 512 + 56).toString('hex'), Buffer.alloc(16).toString('hex'), 'the parent is named')
  },
)

test('a receiver that hangs up fails the export with VDI_IO_ERROR and lets go of the disk', needs('curl', 'qemu-img'), async () => {
  const vdi = await lab.newDisk(256 * MiB)
  const task = await lab.newTask()
  const { code } = await lab.curl(
    '/export_raw_vdi',
    { vdi, task_id: task },
    '--limit-rate',
    '1M',
    '--max-time',
    '1',
    '--output',
    file('part'),
  )
  assert.equal(code, 28, 'curl ran into its own time limit')
  const { status, error_info } = await lab.ended(task)
  assert.deepEqual([status, error_info[0]], ['failure', 'VDI_IO_ERROR'])
  assert.deepEqual(await lab.call('VDI.get_VBDs', vdi), [])
  assert.ok((await stat(file('part'))).size < 64 * MiB, 'what was not asked for was not sent')
  await lab.call('VDI.destroy', vdi)
})

test('an upload that fails early ends although much more was to come, and says so behind the 200', needs('curl', 'qemu-img'), async () => {
  const vdi = await lab.newDisk(SIZE)
  await writeFile(file('bad'), [Buffer.from([100, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]), Buffer.alloc(64 * MiB)])
  const started = performance.now()
  const { status, error_info } = await lab.put(vdi, file('bad'), { format: 'raw', chunked: 'true' })
  assert.deepEqual([status, error_info[0]], ['failure', 'VDI_IO_ERROR'])
  assert.ok(performance.now() - started < 20_000)
  assert.deepEqual(await lab.call('VDI.get_VBDs', vdi), [])
})

test('a raw upload without a disk makes one of its length on the SR named', needs('curl', 'qemu-img'), async () => {
  await writeFile(file('small.raw'), randomBytes(random, 3 * MiB))
  const sr_uuid = await lab.call('SR.get_uuid', lab.sr)
  const task = await lab.newTask()
  await lab.curl(
    '/import_raw_vdi',
    { sr_uuid, task_id: task, format: 'raw' },
    '--upload-file',
    file('small.raw'),
    '--output',
    file('answer'),
  )
  await lab.ended(task)
  const vdi = /<value>(.*)<\/value>/.exec(await lab.call('task.get_result', task))?.[1]
  const { name_label, virtual_size } = await lab.call('VDI.get_record', vdi)
  assert.deepEqual([name_label, virtual_size], ['Imported VDI', 2 * BLOCK])
  assert.ok((await lab.get(vdi!, 'small.back')).subarray(0, 3 * MiB).equals(await readFile(file('small.raw'))))
})

test('a pool that stops in the middle of an import and an export starts again with nothing attached', needs('curl'), async () => {
  const [read, written] = [await lab.newDisk(256 * MiB), await lab.newDisk(SIZE)]
  const slow = (path: string, vdi: string, ...args: string[]) =>
    lab.curl(path, { vdi }, '--limit-rate', '1M', '--output', file(`slow-${vdi}`), ...args)
  await writeFile(file('slow'), Buffer.alloc(SIZE, 5))
  const transfers = [slow('/export_raw_vdi', read), slow('/import_raw_vdi', written, '--upload-file', file('slow'))]
  for (const vdi of [read, written]) await lab.until(async () => (await lab.call('VDI.get_VBDs', vdi)).length === 1)
  await lab.restart()
  await Promise.all(transfers)
  assert.ok((await stat(file(`slow-${read}`))).size < 256 * MiB, 'the export was cut off')
  for (const vdi of [read, written]) {
    assert.deepEqual(await lab.call('VDI.get_VBDs', vdi), [])
    await lab.call('VDI.destroy', vdi)
  }
})
