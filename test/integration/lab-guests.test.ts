import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { fillPattern } from '../../src/lab/content/pattern.ts'
import type { LabPool, Refstring } from '../../src/lab/pool.ts'
import { ControlFailure, type DescribedPool, type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'

const run = promisify(execFile)
const MiB = 2 ** 20

type Vm = DescribedPool['vms'][0]
interface Written {
  readonly bytes: number
  readonly count: number
  readonly extents: readonly { readonly offset: number; readonly length: number }[]
}

describe('guests of the lab', () => {
  let folder: string
  let lab: StartedLab
  let paris: StartedPool
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'guests-'))
    lab = await startLab({ pools: ['paris'], empty: true })
    paris = lab.pools[0] as StartedPool
  })
  after(async () => {
    await lab.close()
    rmSync(folder, { recursive: true, force: true })
  })

  let count = 0
  const newVm = async (more: object = {}): Promise<Vm> => {
    const disks = [{ size: 16 * MiB, content: 'pattern', fill: 3 * MiB }]
    return (await paris.post('/vms', { name: `vm ${++count}`, disks, start: true, ...more })).vm as Vm
  }
  const pool = (): LabPool => paris.pool
  const ref = (className: string, uuid: string): Refstring => pool().db.byUuid(className, uuid) as Refstring
  const vdiOf = (vm: Vm) => vm.disks[0]?.vdi as string
  const bytesOf = (vdi: string): Buffer => {
    const disk = pool().storage.disk(ref('VDI', vdi))
    return Buffer.concat(Array.from({ length: disk.size / MiB }, (_, index) => disk.read(index * MiB, MiB)))
  }
  const refusedWith = (status: number, message: RegExp) => (error: unknown) =>
    error instanceof ControlFailure && error.status === status && message.test(error.message)

  test('scattered writes change exactly the bytes that are answered, no place twice, and the same seed gives the same', async () => {
    const [one, two] = [await newVm(), await newVm()]
    const before = bytesOf(vdiOf(one))
    const written: Written = await paris.post('/guest/random', { vm: one.uuid, count: 40, granule: 4096, seed: 7 })
    assert.equal(written.count, 40)
    assert.equal(written.bytes, 40 * 4096)
    const after = bytesOf(vdiOf(one))
    const changed = new Set<number>()
    for (let at = 0; at < after.length; at += 4096)
      if (Buffer.compare(before.subarray(at, at + 4096), after.subarray(at, at + 4096)) !== 0) changed.add(at)
    assert.deepEqual(new Set(written.extents.map(({ offset }) => offset)), changed)
    const again: Written = await paris.post('/guest/random', { vdi: vdiOf(two), count: 40, granule: 4096, seed: 7 })
    assert.deepEqual(again, written)
    assert.ok(bytesOf(vdiOf(two)).equals(after))
  })

  test('scattered writes stay in their region, and bytes are rounded up to granules', async () => {
    const vm = await newVm()
    const region = { offset: 5 * MiB, length: MiB }
    const written: Written = await paris.post('/guest/random', { vm: vm.uuid, bytes: MiB - 70_000, region, seed: 'r' })
    assert.equal(written.bytes, 15 * 65_536)
    for (const { offset } of written.extents) assert.ok(offset >= region.offset && offset < region.offset + region.length)
    await assert.rejects(paris.post('/guest/random', { vm: vm.uuid, count: 17, region }), refusedWith(400, /17 granules .* do not fit/))
  })

  test('patterns are what the documentation says, at their place', async () => {
    const vm = await newVm()
    const extents = [
      { offset: 512, length: 3 * MiB },
      { offset: 10 * MiB, length: 1536 },
    ]
    for (const pattern of [
      { kind: 'random', seed: 's' },
      { kind: 'text', seed: 's' },
      { kind: 'byte', value: 9 },
      { kind: 'zero' },
    ] as const) {
      const answer: Written = await paris.post('/guest/write', { vm: vm.uuid, userdevice: '0', extents, pattern })
      assert.deepEqual(answer, { bytes: 3 * MiB + 1536, count: 2, extents })
      const bytes = bytesOf(vdiOf(vm))
      for (const { offset, length } of extents) {
        const expected = Buffer.alloc(length)
        fillPattern(expected, offset, pattern)
        assert.ok(bytes.subarray(offset, offset + length).equals(expected), pattern.kind)
      }
    }
  })

  test('a VM that does not run has no guest: writing is refused, by request and by socket', needs('qemu-io'), async () => {
    const vm = await newVm({ start: false })
    const write = { vm: vm.uuid, extents: [{ offset: 0, length: 512 }], pattern: { kind: 'zero' } }
    await assert.rejects(paris.post('/guest/write', write), refusedWith(409, /does not run: it is Halted/))
    await assert.rejects(paris.post('/guest/rate', { vm: vm.uuid, bytesPerSecond: 1000 }), refusedWith(409, /does not run/))
    const before = bytesOf(vdiOf(vm))
    await assert.rejects(run('qemu-io', ['-f', 'raw', '-c', 'write -P 1 0 64k', vm.disks[0]?.guest_nbd as string]))
    assert.ok(bytesOf(vdiOf(vm)).equals(before))
    await pool().invoke('VM.start', ref('VM', vm.uuid), false, false)
    await paris.post('/guest/write', write)
    await pool().invoke('VM.hard_shutdown', ref('VM', vm.uuid))
    await assert.rejects(paris.post('/guest/write', write), refusedWith(409, /does not run/))
  })

  test(
    'what qemu-io writes through the socket is on the disk, and what is on the disk nbdcopy reads',
    needs('qemu-io', 'nbdcopy'),
    async () => {
      const vm = await newVm()
      const uri = vm.disks[0]?.guest_nbd as string
      const expected = bytesOf(vdiOf(vm))
      await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0xab 1M 192k', '-c', 'write -z 2M 64k', '-c', 'write -P 0xcd 16776704 512', uri])
      expected.fill(0xab, MiB, MiB + 192 * 1024)
      expected.fill(0, 2 * MiB, 2 * MiB + 65_536)
      expected.fill(0xcd, 16_776_704)
      assert.ok(bytesOf(vdiOf(vm)).equals(expected))
      const copy = join(folder, 'copy.img')
      await run('nbdcopy', [uri, copy])
      assert.ok((await readFile(copy)).equals(expected))
      // and a whole disk the other way
      fillPattern(expected, 0, { kind: 'random', seed: 'whole' })
      {
        await using file = await open(copy, 'w')
        await file.write(expected)
      }
      await run('nbdcopy', [copy, uri])
      assert.ok(bytesOf(vdiOf(vm)).equals(expected))
    },
  )

  test(
    'a snapshot keeps what it held while the guest writes on, and the socket follows the disk over snapshot and revert',
    needs('qemu-io'),
    async () => {
      const vm = await newVm()
      const uri = vm.disks[0]?.guest_nbd as string
      const before = bytesOf(vdiOf(vm))
      const snapshot = (await pool().invoke('VM.snapshot', ref('VM', vm.uuid), 'kept', [])) as Refstring
      await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x11 0 64k', uri])
      assert.ok(bytesOf(vdiOf(vm)).subarray(0, 65_536).equals(Buffer.alloc(65_536, 0x11)))
      const snapshotVbd = (pool().db.get('VM', snapshot).VBDs as Refstring[])
        .map((vbd) => pool().db.get('VBD', vbd))
        .find(({ type }) => type === 'Disk')
      const snapshotVdi = pool().db.get('VDI', snapshotVbd?.VDI as Refstring).uuid as string
      assert.ok(bytesOf(snapshotVdi).equals(before))
      await pool().invoke('VM.revert', snapshot)
      await pool().invoke('VM.start', ref('VM', vm.uuid), false, false)
      const { vms } = (await paris.get('/vms')) as { vms: Vm[] }
      const now = vms.find(({ uuid }) => uuid === vm.uuid) as Vm
      assert.notEqual(vdiOf(now), vdiOf(vm))
      assert.equal(now.disks[0]?.guest_nbd, uri)
      assert.ok(bytesOf(vdiOf(now)).equals(before))
      await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x22 0 64k', uri])
      assert.ok(bytesOf(vdiOf(now)).subarray(0, 65_536).equals(Buffer.alloc(65_536, 0x22)))
    },
  )

  test('a writer in the background keeps its rate, waits while its VM is halted, and ends when told', async () => {
    const vm = await newVm()
    const started = await paris.post('/guest/rate', { vm: vm.uuid, bytesPerSecond: 8 * MiB, granule: 16_384, seed: 'w' })
    const state = async () => (await paris.get('/guest/writers')).writers.find(({ id }: { id: string }) => id === started.id)
    const begin = performance.now()
    const writtenAbove = async (bytes: number) => {
      for (;;) {
        const now = await state()
        if (now.written > bytes) return now.written as number
        assert.ok(performance.now() - begin < 60_000, 'it writes')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    const written = await writtenAbove(4 * MiB)
    const seconds = (performance.now() - begin) / 1000
    assert.ok(written <= 8 * MiB * (seconds + 0.2), `${written} bytes in ${seconds} s`)
    await pool().invoke('VM.hard_shutdown', ref('VM', vm.uuid))
    while (!/does not run/.test((await state()).waiting ?? '')) await new Promise((resolve) => setTimeout(resolve, 10))
    const halted = (await state()).written as number
    await pool().invoke('VM.start', ref('VM', vm.uuid), false, false)
    await writtenAbove(halted)
    // it goes on over a restart of the toolstack too
    await paris.post('/pool/restart')
    await writtenAbove((await state()).written)
    const last = await paris.post('/guest/rate', { stop: started.id })
    assert.ok(last.written > 4 * MiB)
    assert.equal(await state(), undefined)
    await assert.rejects(paris.post('/guest/rate', { stop: started.id }), refusedWith(404, /no writer/))
  })

  test('the hash of a disk is SHA-256 of its bytes, of ranges too, and the quick one tells disks apart', async () => {
    const [one, two] = [await newVm(), await newVm()]
    const bytes = bytesOf(vdiOf(one))
    const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')
    const whole = await paris.post('/disk/hash', { vdi: vdiOf(one) })
    assert.deepEqual(whole, { vdi: vdiOf(one), size: 16 * MiB, sha256: sha256(bytes), bytes: 16 * MiB })
    const extents = [
      { offset: MiB, length: 512 },
      { offset: 0, length: 3 * MiB },
    ]
    const ranges = await paris.post('/disk/hash', { vdi: vdiOf(one), extents })
    assert.equal(ranges.sha256, sha256(Buffer.concat(extents.map(({ offset, length }) => bytes.subarray(offset, offset + length)))))
    const quick = async (vm: Vm) => (await paris.post('/disk/hash', { vdi: vdiOf(vm), skipZeroes: true })).sha256
    assert.equal(await quick(one), await quick(two))
    // zeroes that are stored count as zeroes that are not
    await paris.post('/guest/write', { vm: two.uuid, extents: [{ offset: 8 * MiB, length: 65_536 }], pattern: { kind: 'byte', value: 0 } })
    assert.equal(await quick(one), await quick(two))
    await paris.post('/guest/write', { vm: two.uuid, extents: [{ offset: 12 * MiB, length: 512 }], pattern: { kind: 'byte', value: 1 } })
    assert.notEqual(await quick(one), await quick(two))
    await assert.rejects(
      paris.post('/disk/hash', { vdi: vdiOf(one), extents: [{ offset: 16 * MiB, length: 512 }] }),
      refusedWith(400, /outside/),
    )
  })

  test('clock and settings move, and stay over a restart of the toolstack; a stopped pool says so', async () => {
    const far = await paris.post('/clock', { set: '2031-05-06T07:08:09Z' })
    assert.ok(Math.abs(Date.parse(far.now) - Date.parse('2031-05-06T07:08:09Z')) < 5000)
    await paris.post('/settings', { attachMs: 3 })
    await paris.post('/pool/stop')
    await assert.rejects(paris.get('/vms'), refusedWith(409, /is stopped/))
    await assert.rejects(fetch(paris.url), 'nobody listens')
    await paris.post('/pool/start')
    assert.equal((await paris.get('/settings')).attachMs, 3)
    assert.ok(pool().now().getUTCFullYear() === 2031)
    await paris.post('/clock', { offset: 0 })
    assert.ok(Math.abs(pool().now().getTime() - Date.now()) < 5000)
    await assert.rejects(paris.post('/clock', { set: 'tomorrow' }), refusedWith(400, /ISO 8601/))
    await assert.rejects(paris.post('/settings', { attachMs: -1 }), refusedWith(400, /attachMs/))
  })

  test('what can not be done is said, and leaves nothing behind', async () => {
    const objects = () => ['VM', 'VDI', 'VBD', 'VIF'].map((name) => pool().db.refs(name).length)
    const before = objects()
    const disks = [{ size: 4 * MiB }]
    for (const [path, body, status, message] of [
      ['/guest/random', { vm: 'nobody', count: 1 }, 404, /no VM nobody/],
      ['/guest/random', { vdi: 'nothing', count: 1 }, 404, /no VDI nothing/],
      ['/guest/random', { count: 1 }, 400, /either vdi or vm/],
      ['/vms', { name: 'x', disks, sr: 'nowhere' }, 404, /no SR nowhere/],
      ['/vms', { name: 'x', disks, networks: ['nowhere'] }, 404, /no network nowhere/],
      ['/vms', { name: 'x', disks: [{ size: 'large' }] }, 400, /disks\[0\]\.size/],
      ['/vms', { name: 'x', disks: [{ size: 4 * MiB, fill: 4 * MiB }] }, 400, /ext4/],
      ['/vms', { name: 'x', disks, memory: 2 ** 43, start: true }, 409, /MEMORY|HOST/],
      ['/vms', { disks }, 400, /^name is missing/],
    ] as const) {
      await assert.rejects(paris.post(path, body), refusedWith(status, message), `${path} ${JSON.stringify(body)}`)
    }
    assert.deepEqual(objects(), before)
  })
})

for (const [what, name] of [
  ['deep', join('a'.repeat(100), 'b'.repeat(100))],
  ['oddly named', 'a b#c&d%20'],
] as const) {
  test(`guests are reached in a ${what} data folder, and their sockets go with the lab`, needs('nbdinfo'), async () => {
    const data = mkdtempSync(join(tmpdir(), 'odd-'))
    const lab = await startLab({ pools: ['paris'], empty: true, data: join(data, name) })
    try {
      const paris = lab.pools[0] as StartedPool
      const { vm } = await paris.post('/vms', { name: 'x', disks: [{ size: 2 * MiB, content: 'empty' }], start: true })
      const uri = (vm as Vm).disks[0]?.guest_nbd as string
      const { stdout } = await run('nbdinfo', ['--size', uri])
      assert.equal(Number(stdout), 2 * MiB)
      await lab.close()
      await assert.rejects(run('nbdinfo', ['--size', uri]))
    } finally {
      await lab.close()
      rmSync(data, { recursive: true, force: true })
    }
  })
}
