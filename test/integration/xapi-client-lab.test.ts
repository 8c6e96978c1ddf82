/** The client against a simulated pool: what it does is judged by the pool's own state. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type RunningPool, startPool } from '../../src/lab/start-pool.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { ExportStream, Xapi } from '../../src/xapi/xapi.ts'

const MIB = 1024 * 1024
const SIZE = 16 * MIB
let folder: string
let lab: RunningPool
let xapi: Xapi
let sr: Ref<'SR'>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-xapi-'))
  lab = await startPool({
    name: 'client',
    folder: join(folder, 'pool'),
    password: 'lab password',
    nbd: false,
    settings: { attachMs: 5, badLoginMs: 20 },
  })
  xapi = await connect()
  sr = (await xapi.call<Ref<'SR'>[]>('SR.get_all', []))[0] as Ref<'SR'>
})
after(async () => {
  await xapi?.close()
  const left = lab?.pool.db.refs('session') ?? []
  await lab?.stop()
  await rm(folder, { recursive: true, force: true })
  assert.deepEqual(left, [], 'every session is logged out')
})

function connect(password = 'lab password'): Promise<Xapi> {
  return connectXapi({ url: lab.url, user: 'root', password, trust: trustListed([lab.fingerprint]) })
}

function newDisk(size = SIZE): Promise<Ref<'VDI'>> {
  const common = { type: 'user', sharable: false, read_only: false, other_config: {} }
  return xapi.call('VDI.create', [{ SR: sr, virtual_size: size, name_label: 'disk', ...common }])
}

async function read(stream: ExportStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream.chunks) chunks.push(chunk)
  await stream.finished()
  return Buffer.concat(chunks)
}

function frame(offset: number, length: number): Buffer {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(offset))
  head.writeUInt32LE(length, 8)
  return head
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')
/** Housekeeping goes on after a call has returned; the pool tells when it is over. */
async function noTasksLeft(): Promise<void> {
  while (lab.pool.db.refs('task').length > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('records, maps of records and uuids come as the pool has them', async () => {
  const disk = await newDisk()
  const record = await xapi.record('VDI', disk)
  assert.equal(record.virtual_size, SIZE)
  assert.equal(await xapi.byUuid('VDI', record.uuid), disk)
  const all = await xapi.records('VDI')
  assert.deepEqual(all.get(disk), record)
  await assert.rejects(xapi.byUuid('VDI', 'no-such'), { name: 'XapiError', code: 'UUID_INVALID' })
  await assert.rejects(xapi.record('VDI', 'OpaqueRef:no' as Ref<'VDI'>), { code: 'HANDLE_INVALID', params: ['VDI', 'OpaqueRef:no'] })
  await xapi.call('VDI.destroy', [disk])
})

test('a wrong password is told as XAPI tells it', async () => {
  await assert.rejects(connect('wrong'), { name: 'XapiError', code: 'SESSION_AUTHENTICATION_FAILED' })
})

test('a session that was ended on the pool is renewed', async () => {
  const other = await connect()
  const before = other.session
  await other.call('session.logout', [])
  assert.ok((await other.call<string[]>('SR.get_all', [])).length > 0)
  assert.notEqual(other.session, before)
  await other.close()
})

test('Async calls give what the plain ones give, and leave no task', async () => {
  const disk = await newDisk()
  const before = xapi.callCount
  const snapshot = await xapi.callAsync('VDI.snapshot', [disk])
  assert.ok(xapi.callCount - before <= 4, `${xapi.callCount - before} calls`)
  assert.equal((await xapi.record('VDI', snapshot as Ref<'VDI'>)).snapshot_of, disk)
  await assert.rejects(xapi.callAsync('VDI.destroy', ['OpaqueRef:no']), {
    name: 'XapiError',
    code: 'HANDLE_INVALID',
    method: 'Async.VDI.destroy',
  })
  assert.equal(await xapi.callAsync('VDI.destroy', [snapshot]), undefined)
  await xapi.callAsync('VDI.destroy', [disk])
  await noTasksLeft()
})

test('waiting for an object looks at it at once, sees its changes, and tells when it is gone', async () => {
  const disk = await newDisk()
  await xapi.waitFor('VDI', disk, (record) => record?.name_label === 'disk', { timeoutMs: 60_000 })
  const renamed = xapi.waitFor('VDI', disk, (record) => record?.name_label === 'other', { timeoutMs: 60_000 })
  await xapi.call('VDI.set_name_label', [disk, 'other'])
  await renamed
  await assert.rejects(
    xapi.waitFor('VDI', disk, () => false, { timeoutMs: 100 }),
    { reason: 'timeout' },
  )
  const abort = new AbortController()
  const aborted = xapi.waitFor('VDI', disk, () => false, { timeoutMs: 60_000, signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(aborted, /enough/)
  const gone = xapi.waitFor('VDI', disk, (record) => record === undefined, { timeoutMs: 60_000 })
  const never = assert.rejects(
    xapi.waitFor('VDI', disk, (record) => record?.name_label === 'never', { timeoutMs: 60_000 }),
    { code: 'HANDLE_INVALID' },
  )
  await xapi.call('VDI.destroy', [disk])
  await gone
  await never
  await xapi.waitFor('VDI', disk, (record) => record === undefined, { timeoutMs: 60_000 })
})

test('chunked writes land where they were sent and a raw export reads them back, for four calls each', async () => {
  const disk = await newDisk()
  const expected = Buffer.alloc(SIZE)
  let before = xapi.callCount
  const stream = await xapi.importVdi({ vdi: disk, format: 'raw', chunked: true })
  for (const [offset, length] of [
    [0, 512],
    [3 * MIB, 2 * MIB],
    [SIZE - 65536, 65536],
    [MIB, 65536],
  ] as const) {
    const data = randomBytes(length)
    data.copy(expected, offset)
    await stream.write(frame(offset, length), data)
  }
  await stream.write(frame(0, 0))
  await stream.finish()
  await noTasksLeft()
  assert.equal(xapi.callCount - before, 4)
  before = xapi.callCount
  const exported = await read(await xapi.exportVdi({ vdi: disk, format: 'raw' }))
  assert.equal(sha256(exported), sha256(expected))
  await noTasksLeft()
  assert.equal(xapi.callCount - before, 4)
  await xapi.call('VDI.destroy', [disk])
})

test('a VHD that one disk exports is imported into another', async () => {
  const [source, target] = [await newDisk(), await newDisk()]
  const data = randomBytes(2 * MIB)
  const stream = await xapi.importVdi({ vdi: source, format: 'raw', chunked: true })
  await stream.write(frame(4 * MIB, data.length), data, frame(0, 0))
  await stream.finish()
  const vhd = await read(await xapi.exportVdi({ vdi: source, format: 'vhd' }))
  const upload = await xapi.importVdi({ vdi: target, format: 'vhd', length: vhd.length })
  for (let at = 0; at < vhd.length; at += 100_000) await upload.write(vhd.subarray(at, at + 100_000))
  await upload.finish()
  const raw = await read(await xapi.exportVdi({ vdi: target, format: 'raw' }))
  assert.ok(raw.subarray(4 * MIB, 6 * MIB).equals(data))
  for (const disk of [source, target]) await xapi.call('VDI.destroy', [disk])
})

test('an import beyond the end of the disk fails with what the task says, while it is being written', async () => {
  const disk = await newDisk()
  const stream = await xapi.importVdi({ vdi: disk, format: 'raw', chunked: true })
  await assert.rejects(
    async () => {
      for (let offset = SIZE - MIB; ; offset += MIB) await stream.write(frame(offset, MIB), Buffer.alloc(MIB))
    },
    { name: 'XapiError', code: 'VDI_IO_ERROR' },
  )
  await stream.abort()
  await noTasksLeft()
  await xapi.call('VDI.destroy', [disk])
})

test('an import that is given up frees the disk, and so does an export', async () => {
  const disk = await newDisk()
  const upload = await xapi.importVdi({ vdi: disk, format: 'raw', chunked: true })
  await upload.write(frame(0, MIB), Buffer.alloc(MIB / 2))
  await upload.abort()
  const stream = await xapi.exportVdi({ vdi: disk, format: 'raw' })
  for await (const chunk of stream.chunks) if (chunk.length > 0) break
  await stream.close()
  await xapi.call('VDI.destroy', [disk])
  await noTasksLeft()
})

test('a disk that does not exist is refused in both directions, without anything left', async () => {
  const vdi = 'OpaqueRef:no' as Ref<'VDI'>
  await assert.rejects(xapi.exportVdi({ vdi, format: 'vhd' }), { name: 'XapiError' })
  await assert.rejects(xapi.importVdi({ vdi, format: 'raw', chunked: true }), { name: 'XapiError' })
  await noTasksLeft()
})

test('several imports into several disks run at once', async () => {
  const disks = await Promise.all(Array.from({ length: 6 }, () => newDisk()))
  const data = randomBytes(2 * MIB)
  await Promise.all(
    disks.map(async (vdi) => {
      const stream = await xapi.importVdi({ vdi, format: 'raw', chunked: true })
      for (let at = 0; at < SIZE; at += data.length) await stream.write(frame(at, data.length), data)
      await stream.write(frame(0, 0))
      await stream.finish()
    }),
  )
  const expected = sha256(Buffer.concat(Array.from({ length: SIZE / data.length }, () => data)))
  for (const vdi of disks) {
    assert.equal(sha256(await read(await xapi.exportVdi({ vdi, format: 'raw' }))), expected)
    await xapi.call('VDI.destroy', [vdi])
  }
  await noTasksLeft()
})
