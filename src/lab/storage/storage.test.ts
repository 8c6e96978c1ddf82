import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Refstring, XapiFailure } from '../pool.ts'
import { createDisk, destroyDisk, duplicateDisk, resizeDisk } from './disk-records.ts'
import { scanSr } from './scan.ts'
import { openSmallPool, type SmallPool, type SmallPoolOptions } from './small-pool.ts'

const MiB = 2 ** 20
const home = mkdtempSync(join(tmpdir(), 'storage-'))
after(() => rmSync(home, { recursive: true, force: true }))

async function withPool(options: Omit<SmallPoolOptions, 'folder'>, work: (pool: SmallPool, folder: string) => Promise<void> | void) {
  const folder = mkdtempSync(join(home, 'pool-'))
  const pool = openSmallPool({ folder, collector: { delayMs: 0, pauseMs: 0 }, ...options })
  try {
    await work(pool, folder)
  } finally {
    await pool.close()
  }
}

const disk = ({ storage, sr }: SmallPool, size = 8 * MiB, more = {}): Refstring =>
  createDisk(storage, {
    SR: sr,
    name_label: 'disk',
    type: 'user',
    virtual_size: size,
    sharable: false,
    read_only: false,
    other_config: {},
    ...more,
  })
const snapshot = ({ storage }: SmallPool, vdi: Refstring) => duplicateDisk(storage, vdi, 'snapshot')
const write = ({ storage }: SmallPool, vdi: Refstring, offset: number, value: number, length = 4096) =>
  storage.disk(vdi).write(offset, Buffer.alloc(length, value))
const refused = (code: string) => (error: unknown) => error instanceof XapiFailure && error.code === code
const parentOf = ({ db }: SmallPool, vdi: Refstring) => (db.get('VDI', vdi).sm_config as Record<string, string>)['vhd-parent']
const GC_OFF = { switches: { gc: 'false' } }

test('the 30th snapshot with data in each is refused, and forty of an idle disk pass without longer chains', () =>
  withPool(GC_OFF, (pool) => {
    const busy = disk(pool)
    for (let i = 0; i < 29; i += 1) {
      write(pool, busy, i * 4096, i + 1)
      snapshot(pool, busy)
    }
    write(pool, busy, 0, 99)
    assert.throws(() => snapshot(pool, busy), refused('SR_BACKEND_FAILURE_109'))
    assert.throws(() => duplicateDisk(pool.storage, busy, 'clone'), refused('SR_BACKEND_FAILURE_109'))
    const idle = disk(pool)
    const taken = Array.from({ length: 40 }, () => snapshot(pool, idle))
    assert.deepEqual(new Set(taken.map((vdi) => parentOf(pool, vdi))), new Set([parentOf(pool, idle)]))
    assert.equal(pool.storage.images.lineage(pool.db.get('VDI', idle).uuid as string).length, 2)
  }))

test('a snapshot adds a hidden base copy with the fields that the driver gives it, and keeps what it showed', () =>
  withPool(GC_OFF, (pool) => {
    const vdi = disk(pool)
    write(pool, vdi, 4096, 1)
    const taken = snapshot(pool, vdi)
    write(pool, vdi, 4096, 2)
    const base = pool.db.get('VDI', pool.db.byUuid('VDI', parentOf(pool, vdi) as string) as Refstring)
    assert.deepEqual([base.name_label, base.managed, base.read_only, base.sm_config, base.other_config], ['base copy', false, true, {}, {}])
    assert.equal(parentOf(pool, taken), base.uuid)
    assert.equal(pool.storage.disk(taken).read(4096, 512)[0], 1)
    assert.equal(pool.storage.disk(vdi).read(4096, 512)[0], 2)
    assert.deepEqual(pool.storage.blocksBetween(taken, vdi), [0])
    assert.notEqual(pool.storage.footerUuid(taken), pool.storage.footerUuid(vdi))
  }))

test('after a snapshot is destroyed the collector leaves one image with the content, and no files of others', () =>
  withPool({}, async (pool, folder) => {
    const vdi = disk(pool, 16 * MiB)
    const taken: Refstring[] = []
    for (let i = 0; i < 5; i += 1) {
      write(pool, vdi, i * 2 * MiB, i + 1)
      if (i < 4) taken.push(snapshot(pool, vdi))
    }
    for (const one of taken) destroyDisk(pool.storage, one)
    await pool.storage.collector.idle()
    assert.equal(pool.storage.images.all().length, 1)
    assert.equal(pool.db.refs('VDI').length, 1)
    assert.equal(parentOf(pool, vdi), undefined)
    for (let i = 0; i < 5; i += 1) assert.equal(pool.storage.disk(vdi).read(i * 2 * MiB, 512)[0], i + 1)
    assert.equal(readdirSync(join(folder, 'storage')).length, 2)
  }))

test('base copies that the collector merges disappear with a deletion of their record', () =>
  withPool({}, async (pool) => {
    const vdi = disk(pool)
    write(pool, vdi, 0, 1)
    const taken = snapshot(pool, vdi)
    const base = pool.db.byUuid('VDI', parentOf(pool, vdi) as string)
    const gone: Refstring[] = []
    const stop = pool.db.onChange((className, ref, operation) => className === 'VDI' && operation === 'del' && gone.push(ref))
    destroyDisk(pool.storage, taken)
    await pool.storage.collector.idle()
    stop()
    assert.deepEqual(gone, [taken, base])
  }))

for (const { where, off, left } of [
  { where: 'SR', off: { gc: 'false' }, left: 3 },
  { where: 'SR', off: { coalesce: 'false' }, left: 3 },
  { where: 'SR', off: { 'leaf-coalesce': 'false' }, left: 2 },
  { where: 'VDI', off: { 'leaf-coalesce': 'false' }, left: 2 },
] as const) {
  test(`the collector honours ${Object.keys(off)[0]}=false of the ${where}`, () =>
    withPool(where === 'SR' ? { switches: off } : {}, async (pool) => {
      const vdi = disk(pool)
      write(pool, vdi, 0, 1)
      const one = snapshot(pool, vdi)
      write(pool, vdi, 4096, 2)
      const two = snapshot(pool, vdi)
      write(pool, vdi, 8192, 3)
      if (where === 'VDI') pool.db.update('VDI', vdi, { other_config: off })
      destroyDisk(pool.storage, one)
      destroyDisk(pool.storage, two)
      await pool.storage.collector.idle()
      assert.equal(pool.storage.images.all().length, left)
      assert.deepEqual(
        [0, 4096, 8192].map((offset) => pool.storage.disk(vdi).read(offset, 512)[0]),
        [1, 2, 3],
      )
    }))
}

test('a full SR fails writes with VDI_IO_ERROR, keeps what was written before, and takes writes again when room is made', () =>
  withPool({ physicalSize: 12 * MiB, ...GC_OFF }, (pool) => {
    const vdi = disk(pool, 64 * MiB)
    const other = disk(pool, 64 * MiB)
    for (let i = 0; i < 4; i += 1) write(pool, other, i * 2 * MiB, 7)
    write(pool, vdi, 0, 1)
    assert.throws(() => write(pool, vdi, 8 * MiB, 2), refused('VDI_IO_ERROR'))
    write(pool, vdi, 4096, 3)
    assert.equal(pool.storage.disk(vdi).read(8 * MiB, 512)[0], 0)
    destroyDisk(pool.storage, other)
    write(pool, vdi, 8 * MiB, 2)
    assert.equal(pool.storage.disk(vdi).read(0, 512)[0], 1)
    assert.equal(pool.storage.disk(vdi).read(4096, 512)[0], 3)
  }))

test('a thick SR refuses a disk and a snapshot that it has no room for, a thin one takes them', async () => {
  await withPool({ physicalSize: 20 * MiB, srType: 'lvm', ...GC_OFF }, (pool) => {
    const vdi = disk(pool, 12 * MiB)
    write(pool, vdi, 0, 1)
    assert.throws(() => disk(pool, 12 * MiB), refused('SR_BACKEND_FAILURE_44'))
    assert.throws(() => snapshot(pool, vdi), refused('SR_BACKEND_FAILURE_44'))
  })
  await withPool({ physicalSize: 20 * MiB, ...GC_OFF }, (pool) => {
    const vdi = disk(pool, 12 * MiB)
    disk(pool, 12 * MiB)
    snapshot(pool, vdi)
  })
})

test('outside the disk, or not in sectors, every access is a device error', () =>
  withPool(GC_OFF, (pool) => {
    const one = pool.storage.disk(disk(pool, 4 * MiB))
    for (const [offset, length] of [
      [4 * MiB, 512],
      [4 * MiB - 512, 1024],
      [100, 512],
      [0, 700],
      [-512, 512],
    ] as const) {
      assert.throws(() => one.read(offset, length), refused('VDI_IO_ERROR'))
      assert.throws(() => one.write(offset, Buffer.alloc(length)), refused('VDI_IO_ERROR'))
      assert.throws(() => one.zero(offset, length), refused('VDI_IO_ERROR'))
    }
  }))

test('a handle follows its disk across snapshots, growth and coalescing, and fails once the disk is destroyed', () =>
  withPool({}, async (pool) => {
    const vdi = disk(pool, 4 * MiB)
    const handle = pool.storage.disk(vdi)
    handle.write(0, Buffer.alloc(512, 1))
    const taken = snapshot(pool, vdi)
    handle.write(512, Buffer.alloc(512, 2))
    resizeDisk(pool.storage, vdi, 6 * MiB)
    assert.equal(handle.size, 6 * MiB)
    handle.write(5 * MiB, Buffer.alloc(512, 3))
    destroyDisk(pool.storage, taken)
    await pool.storage.collector.idle()
    assert.deepEqual([handle.read(0, 512)[0], handle.read(512, 512)[0], handle.read(5 * MiB, 512)[0]], [1, 2, 3])
    destroyDisk(pool.storage, vdi)
    assert.throws(() => handle.read(0, 512), refused('VDI_IO_ERROR'))
  }))

test('a scan brings a forgotten disk back under a new reference without name, and drops records of what is gone', () =>
  withPool(GC_OFF, (pool) => {
    const vdi = disk(pool)
    write(pool, vdi, 0, 5)
    const taken = snapshot(pool, vdi)
    const uuid = pool.db.get('VDI', taken).uuid as string
    pool.db.delete('VDI', taken)
    pool.db.create('VDI', { SR: pool.sr, location: 'nowhere', name_label: 'stray' })
    scanSr(pool.storage, pool.sr)
    const back = pool.db.byUuid('VDI', uuid) as Refstring
    const row = pool.db.get('VDI', back)
    assert.notEqual(back, taken)
    assert.deepEqual([row.name_label, row.is_a_snapshot, row.snapshot_of, row.managed], ['', false, 'OpaqueRef:NULL', true])
    assert.equal(pool.storage.disk(back).read(0, 512)[0], 5)
    assert.equal(
      pool.db.refs('VDI').some((ref) => pool.db.get('VDI', ref).name_label === 'stray'),
      false,
    )
  }))

test('an attachment to the control domain shows while it lasts, closes the content with an id, and is cleaned at start', () =>
  withPool(GC_OFF, async (pool, folder) => {
    const vdi = disk(pool, 4 * MiB, { other_config: { content_id: 'old' } })
    const held = await pool.storage.attach(vdi, 'RW', 'test')
    const vbd = pool.db.get('VBD', held.vbd)
    assert.deepEqual([vbd.mode, vbd.currently_attached, vbd.bootable, vbd.unpluggable, vbd.type], ['RW', true, false, true, 'Disk'])
    assert.deepEqual(pool.db.get('VDI', vdi).allowed_operations, ['clone', 'snapshot'])
    assert.equal((pool.db.get('VDI', vdi).other_config as Record<string, string>).content_id, undefined)
    await held.detach()
    await held.detach()
    assert.deepEqual(pool.db.get('VDI', vdi).VBDs, [])
    assert.match((pool.db.get('VDI', vdi).other_config as Record<string, string>).content_id as string, /^[0-9a-f-]{36}$/)
    const reading = await pool.storage.attach(vdi, 'RO', 'test')
    await assert.rejects(pool.storage.attach(vdi, 'RW', 'test'), /Illegal_transition/)
    await pool.close()
    const again = openSmallPool({ folder })
    assert.equal(again.db.find('VBD', reading.vbd), undefined)
    assert.deepEqual(again.db.get('VDI', vdi).VBDs, [])
    await again.close()
    pool.close = async () => {}
  }))

test('what a guest holds read-write can not be attached read-only', () =>
  withPool(GC_OFF, async (pool) => {
    const vdi = disk(pool)
    const vm = pool.db.create('VM', { power_state: 'Running' })
    const vbd = pool.db.create('VBD', { VM: vm, VDI: vdi, mode: 'RW', type: 'Disk', currently_attached: true })
    await assert.rejects(pool.storage.attach(vdi, 'RO', 'test'), /Illegal_transition/)
    assert.deepEqual(pool.db.get('VDI', vdi).VBDs, [vbd])
    const writing = await pool.storage.attach(vdi, 'RW', 'test')
    await writing.detach()
    // A checkpoint leaves its VBDs marked, though its VM has no domain.
    pool.db.update('VM', vm, { power_state: 'Suspended' })
    const reading = await pool.storage.attach(vdi, 'RO', 'test')
    await reading.detach()
  }))

test('a hundred disks of 100 GiB take next to nothing, on disk and in memory', () =>
  withPool(GC_OFF, (pool, folder) => {
    const disks = Array.from({ length: 100 }, () => disk(pool, 100 * 1024 * MiB))
    assert.deepEqual(readdirSync(join(folder, 'storage')), [])
    for (const vdi of disks) write(pool, vdi, 99 * 1024 * MiB, 1)
    for (const vdi of disks) assert.equal([...pool.storage.disk(vdi).allocatedExtents()].length, 1)
    assert.ok(pool.storage.images.pages.size <= 1000, `${pool.storage.images.pages.size} pages`)
  }))
