/** What SRs of the kinds that reality has do differently, as a client of the pool sees it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openNbdPool } from '../../src/nbd/pool.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'
import { connectTo, MIB } from '../support/replicating.ts'

const GIB = 1024 * MIB
const TIB = 1024 * GIB
const EXTENT = 4 * MIB

describe('kinds of storage', () => {
  let lab: StartedLab
  let pool: StartedPool
  let xapi: Xapi
  before(async () => {
    lab = await startLab({ pools: ['paris'], empty: true })
    pool = lab.pools[0] as StartedPool
    xapi = await connectTo(pool)
  })
  after(async () => {
    await xapi?.close()
    await lab?.close()
  })

  interface Sr {
    readonly uuid: string
    readonly used: number
  }
  const makeSr = async (kind: string, more: object = {}): Promise<Sr & { ref: Ref<'SR'> }> => {
    const { sr } = await pool.post('/srs', { name: kind, kind, ...more })
    return { ...sr, ref: await xapi.byUuid('SR', sr.uuid) }
  }
  const usedOf = async (sr: Sr) => ((await pool.get('/srs')).srs as Sr[]).find(({ uuid }) => uuid === sr.uuid)?.used as number
  const makeDisk = (SR: Ref<'SR'>, virtual_size: number, more: object = {}) => {
    const record = { name_label: 'd', SR, virtual_size, type: 'user', sharable: false, read_only: false, other_config: {}, ...more }
    return xapi.call<Ref<'VDI'>>('VDI.create', [record])
  }
  const write = async (vdi: Ref<'VDI'>, offset: number, data: Buffer) => {
    const header = Buffer.alloc(12)
    header.writeBigUInt64LE(BigInt(offset))
    header.writeUInt32LE(data.length, 8)
    const stream = await xapi.importVdi({ vdi, format: 'raw', chunked: true })
    await stream.write(header, data)
    await stream.write(Buffer.alloc(12))
    await stream.finish()
  }
  const exported = async (vdi: Ref<'VDI'>, format: 'raw' | 'vhd' | 'qcow2', base?: Ref<'VDI'>) => {
    const stream = await xapi.exportVdi({ vdi, format, ...(base === undefined ? {} : { base }) })
    const chunks: Buffer[] = []
    for await (const chunk of stream.chunks) chunks.push(chunk)
    await stream.finished()
    return Buffer.concat(chunks)
  }
  const refused = (code: string) => (error: unknown) => error instanceof XapiError && error.code === code
  const snapshot = (vdi: Ref<'VDI'>) => xapi.call<Ref<'VDI'>>('VDI.snapshot', [vdi, {}])

  test('the drivers say what they can do, and what they can not is refused', async () => {
    const drivers = new Map([...(await xapi.records('SM')).values()].map((driver) => [driver.type, driver]))
    const can = (type: string) => Object.keys(drivers.get(type)?.features ?? {})
    assert.ok(!can('linstor').includes('VDI_CONFIG_CBT') && can('linstor').includes('VDI_SNAPSHOT'))
    assert.deepEqual(
      [can('iscsi').includes('VDI_SNAPSHOT'), can('iscsi').includes('VDI_CLONE'), can('lvm').includes('VDI_CONFIG_CBT')],
      [false, false, true],
    )
    // FileSR.py of sm: neither VDI_UPDATE nor VDI_RESET_ON_BOOT nor VDI_RESIZE_ONLINE.
    assert.deepEqual(can('file').sort(), [
      ...['ATOMIC_PAUSE', 'SR_PROBE', 'SR_UPDATE', 'THIN_PROVISIONING', 'VDI_ACTIVATE', 'VDI_ATTACH', 'VDI_CLONE', 'VDI_CONFIG_CBT'],
      ...['VDI_CREATE', 'VDI_DEACTIVATE', 'VDI_DELETE', 'VDI_DETACH', 'VDI_GENERATE_CONFIG', 'VDI_MIRROR', 'VDI_RESIZE', 'VDI_SNAPSHOT'],
    ])
    const untracked = await makeDisk((await makeSr('no-cbt', { shared: true })).ref, 8 * MIB)
    await assert.rejects(xapi.call('VDI.enable_cbt', [untracked]), refused('SR_OPERATION_NOT_SUPPORTED'))
    await assert.rejects(
      xapi.call('VDI.list_changed_blocks', [await snapshot(untracked), untracked]),
      refused('SR_OPERATION_NOT_SUPPORTED'),
    )
    const lun = await makeDisk((await makeSr('no-snapshots')).ref, 8 * MIB)
    await assert.rejects(snapshot(lun), refused('SR_OPERATION_NOT_SUPPORTED'))
    await assert.rejects(xapi.call('VDI.clone', [lun, {}]), refused('SR_OPERATION_NOT_SUPPORTED'))
  })

  test('a thick SR gives each disk its whole volume, shrinks what a snapshot leaves behind, and refuses what has no room', async () => {
    const sr = await makeSr('thick', { size: 250 * MIB })
    const disk = await makeDisk(sr.ref, 100 * MIB)
    const { physical_utilisation: full, sm_config: config } = await xapi.record('VDI', disk)
    // Data, 4 KiB of bitmap for each block, tables for 2 TiB; in extents of LVM.
    assert.equal(full, Math.ceil((100 * MIB + 50 * 4096 + 4329472) / EXTENT) * EXTENT)
    assert.deepEqual(config, { vdi_type: 'vhd', 'image-format': 'vhd' })
    await write(disk, 2 * MIB, Buffer.alloc(MIB, 5))
    assert.equal(await usedOf(sr), full)
    const taken = await snapshot(disk)
    const [base] = [...(await xapi.records('VDI')).values()].filter(({ managed, SR }) => !managed && SR === sr.ref)
    assert.equal(base?.physical_utilisation, 8 * MIB)
    assert.deepEqual(
      [(await xapi.record('VDI', taken)).physical_utilisation, (await xapi.record('VDI', disk)).physical_utilisation],
      [8 * MIB, full],
    )
    assert.equal(await usedOf(sr), full + 16 * MIB)
    await assert.rejects(makeDisk(sr.ref, 200 * MIB), refused('SR_BACKEND_FAILURE_44'))
    // A clone has a volume of its own.
    await xapi.call('VDI.clone', [disk, {}])
    await assert.rejects(snapshot(disk), refused('SR_BACKEND_FAILURE_44'))
    const vhd = await exported(taken, 'vhd')
    assert.equal(vhd.includes(Buffer.alloc(MIB, 5)), true)
  })

  test('a disk above 2040 GiB is a qcow2 image where the SR keeps such, and refused where it does not', async () => {
    const vhdOnly = await makeSr('vhd-only')
    await assert.rejects(makeDisk(vhdOnly.ref, 3 * TIB), refused('SR_BACKEND_FAILURE_79'))
    const thin = await makeSr('thin')
    const small = await makeDisk(thin.ref, 10 * MIB + 1)
    const large = await makeDisk(thin.ref, 3 * TIB + 1)
    const [one, other] = await Promise.all([xapi.record('VDI', small), xapi.record('VDI', large)])
    assert.deepEqual([one.virtual_size, one.sm_config['image-format']], [12 * MIB, 'vhd'])
    assert.deepEqual([other.virtual_size, other.sm_config['image-format']], [3 * TIB + 65_536, 'qcow2'])
    await makeDisk(thin.ref, 16 * TIB)
    await assert.rejects(makeDisk(thin.ref, 16 * TIB + 1), refused('SR_BACKEND_FAILURE_79'))
    await assert.rejects(exported(large, 'vhd'), refused('VDI_TOO_LARGE'))
  })

  test('qcow2: changes are tracked to the last byte of 3 TiB, and an export holds what is allocated', needs('qemu-img'), async () => {
    const sr = await makeSr('qcow2')
    const disk = await makeDisk(sr.ref, 3 * TIB + 65_536)
    await xapi.call('VDI.enable_cbt', [disk])
    const before = await snapshot(disk)
    const last = 3 * TIB
    await write(disk, last, Buffer.alloc(65_536, 9))
    const now = await snapshot(disk)
    assert.deepEqual((await xapi.record('VDI', now)).sm_config['image-format'], undefined)
    const bitmap = Buffer.from(await xapi.call<string>('VDI.list_changed_blocks', [before, now]), 'base64')
    assert.equal(bitmap.length, Math.ceil((3 * TIB + 65_536) / 65_536 / 8))
    assert.equal(bitmap.at(-1), 0x80)
    const whole = await exported(now, 'qcow2')
    assert.ok(whole.length < MIB, `${whole.length} bytes`)
    assert.deepEqual(await exported(before, 'qcow2', before).then(({ length }) => length < MIB), true)
    const folder = mkdtempSync(join(tmpdir(), 'kinds-'))
    try {
      writeFileSync(join(folder, 'd.qcow2'), whole)
      execFileSync('qemu-img', ['check', '-q', join(folder, 'd.qcow2')])
      const tail = execFileSync('qemu-io', ['-f', 'qcow2', '-r', '-c', `read -P 9 ${last} 64k`, join(folder, 'd.qcow2')]).toString()
      assert.match(tail, /read 65536\/65536/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('an SR that is full fails what writes to it with an I/O error, and takes it again when it has grown', async () => {
    const sr = await makeSr('thin', { size: 16 * MIB })
    const disk = await makeDisk(sr.ref, 64 * MIB)
    await write(disk, 0, Buffer.alloc(4 * MIB, 1))
    await assert.rejects(write(disk, 8 * MIB, Buffer.alloc(16 * MIB, 2)), refused('VDI_IO_ERROR'))
    await pool.post(`/srs/${sr.uuid}`, { size: 64 * MIB })
    await write(disk, 8 * MIB, Buffer.alloc(16 * MIB, 2))
    await pool.post(`/srs/${sr.uuid}`, { size: 4 * MIB })
    await assert.rejects(snapshot(disk), refused('SR_BACKEND_FAILURE_44'))
    await assert.rejects(pool.post(`/srs/${disk.slice(-36)}`, { size: 1 }), /there is no SR/)
  })

  test('a chain can be brought to its limit without a change of the disk', async () => {
    const sr = await makeSr('thin')
    const disk = await makeDisk(sr.ref, 8 * MIB)
    await write(disk, 0, Buffer.alloc(65_536, 3))
    const { uuid } = await xapi.record('VDI', disk)
    const hash = () => pool.post('/disk/hash', { vdi: uuid }).then(({ sha256 }) => sha256)
    const before = await hash()
    const { snapshots, depth } = await pool.post('/disk/snapshots', { vdi: uuid, count: 29 })
    assert.deepEqual([snapshots.length, depth, await hash()], [29, 30, before])
    await assert.rejects(snapshot(disk), refused('SR_BACKEND_FAILURE_109'))
  })

  test('merging takes the time that is set, and the records show what is being merged', async () => {
    const sr = await makeSr('thin')
    const disk = await makeDisk(sr.ref, 8 * MIB)
    await write(disk, 0, Buffer.alloc(65_536, 3))
    const taken = await snapshot(disk)
    await write(disk, 65_536, Buffer.alloc(65_536, 4))
    await pool.post('/settings', { collectorDelayMs: 0, coalesceMs: 700 })
    try {
      const began = performance.now()
      await xapi.call('VDI.destroy', [taken])
      await xapi.waitFor('VDI', disk, (record) => record?.sm_config['vhd-blocks'] !== undefined, { timeoutMs: 60_000 })
      await xapi.waitFor('VDI', disk, (record) => record?.sm_config['vhd-parent'] === undefined, { timeoutMs: 60_000 })
      assert.ok(performance.now() - began >= 690, `${performance.now() - began} ms`)
      assert.deepEqual((await xapi.record('VDI', disk)).sm_config, { 'image-format': 'vhd' })
      const hash = createHash('sha256').update(Buffer.alloc(65_536, 3)).update(Buffer.alloc(65_536, 4)).digest('hex')
      const extents = [{ offset: 0, length: 131_072 }]
      assert.equal((await pool.post('/disk/hash', { vdi: (await xapi.record('VDI', disk)).uuid, extents })).sha256, hash)
    } finally {
      await pool.post('/settings', { coalesceMs: 0, collectorDelayMs: 1000 })
    }
  })

  test('NBD can be served in clear text, on another network than that of the management, or nowhere', async () => {
    const disk = await makeDisk((await makeSr('thin')).ref, 8 * MIB)
    await write(disk, 0, Buffer.alloc(65_536, 3))
    const info = () => xapi.call<Parameters<typeof openNbdPool>[0]['candidates']>('VDI.get_nbd_info', [disk])
    try {
      await pool.post('/nbd', { purpose: 'none' })
      assert.deepEqual(await info(), [])
      await pool.post('/nbd', { purpose: 'insecure_nbd', network: 'Pool-wide network associated with eth1' })
      const candidates = await info()
      assert.equal(candidates.length, 1)
      await assert.rejects(openNbdPool({ candidates, size: 8 * MIB, tries: 1 }), /TLS/)
      const clear = await openNbdPool({ candidates, size: 8 * MIB, clearText: true })
      assert.equal((await clear.read(0, 512))[0], 3)
      await clear.close()
    } finally {
      await pool.post('/nbd', { purpose: 'nbd' })
    }
  })
})
