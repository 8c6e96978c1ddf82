/** Disks moved in and out of a simulated pool by curl, and looked at with qemu-img: programs that know nothing of ours. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type RunningPool, startPool } from '../../src/lab/start-pool.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomExtents, randomNumbers, testSeed } from '../support/random-disk.ts'

const MiB = 1 << 20
const BLOCK = 2 * MiB
const SIZE = 48 * MiB
const seed = testSeed()
const random = randomNumbers(seed)
const PASSWORD = 'lab password'
let folder = ''
let running: RunningPool
let session = ''
let sr = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-bulk-'))
  running = await startPool({ name: 'bulk', folder: join(folder, 'pool'), password: PASSWORD, nbd: false, settings: { attachMs: 5 } })
  session = await rpc('session.login_with_password', 'root', PASSWORD)
  sr = (await call('SR.get_all'))[0]
})

after(async () => {
  await running?.stop()
  await rm(folder, { recursive: true, force: true })
})

const file = (name: string) => join(folder, name)
const qemuImg = async (...args: string[]) => (await promisify(execFile)('qemu-img', args, { timeout: 60_000 })).stdout

// biome-ignore lint/suspicious/noExplicitAny: answers of any message
async function rpc(method: string, ...params: unknown[]): Promise<any> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const reply = await new Promise<string>((resolve, reject) => {
    const outgoing = request(
      `${running.url}/jsonrpc`,
      { method: 'POST', rejectUnauthorized: false, agent: false, timeout: 30_000, headers: { 'content-length': Buffer.byteLength(body) } },
      (incoming) => {
        let text = ''
        incoming.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        incoming.on('end', () => resolve(text)).on('error', reject)
      },
    )
    outgoing.on('error', reject).on('timeout', () => outgoing.destroy(new Error('no answer')))
    outgoing.end(body)
  })
  const { result, error } = JSON.parse(reply)
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`)
  return result
}
const call = (method: string, ...params: unknown[]) => rpc(method, session, ...params)

async function newDisk(size = SIZE): Promise<string> {
  return call('VDI.create', {
    SR: sr,
    virtual_size: size,
    type: 'user',
    sharable: false,
    read_only: false,
    other_config: {},
    name_label: 'disk',
  })
}

/** Runs curl on a path of the pool; name and password go to its standard input, where nobody sees them. */
async function curl(path: string, query: Record<string, string>, ...args: string[]): Promise<{ status: string; code: number | null }> {
  const child = spawn('curl', [
    '--silent',
    '--insecure',
    '--config',
    '-',
    '--max-time',
    '60',
    '--write-out',
    '%{http_code}',
    ...args,
    `${running.url}${path}?${new URLSearchParams(query)}`,
  ])
  child.stdin.end(`user = "root:${PASSWORD}"\n`)
  let status = ''
  child.stdout.on('data', (text) => {
    status += text
  })
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { status, code }
}

/** The end of a task, waited for. */
async function ended(task: string): Promise<{ status: string; error_info: string[] }> {
  const end = Date.now() + 30_000
  for (;;) {
    const record = await call('task.get_record', task)
    if (record.status !== 'pending') return record
    assert.ok(Date.now() < end, 'the task did not end')
    await delay(20)
  }
}

async function put(vdi: string, body: string, query: Record<string, string> = {}): Promise<{ status: string; error_info: string[] }> {
  const task = await call('task.create', 'put', '')
  await curl('/import_raw_vdi', { vdi, task_id: task, ...query }, '--request', 'PUT', '--upload-file', body, '--output', file('answer'))
  return ended(task)
}

async function get(vdi: string, to: string, query: Record<string, string> = {}): Promise<Buffer> {
  const task = await call('task.create', 'get', '')
  const { status } = await curl('/export_raw_vdi', { vdi, task_id: task, ...query }, '--output', file(to))
  assert.equal(status, '200')
  assert.deepEqual(await ended(task).then(({ status, error_info }) => [status, error_info]), ['success', []])
  return readFile(file(to))
}

/** Writes pieces into a disk by chunked frames. */
async function write(vdi: string, pieces: [offset: number, data: Buffer][]): Promise<void> {
  const parts = pieces.flatMap(([offset, data]) => {
    const header = Buffer.alloc(12)
    header.writeBigUInt64LE(BigInt(offset), 0)
    header.writeUInt32LE(data.length, 8)
    return [header, data]
  })
  await writeFile(file('frames'), [...parts, Buffer.alloc(12)])
  const { status } = await put(vdi, file('frames'), { format: 'raw', chunked: 'true' })
  assert.equal(status, 'success')
}

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
    const vdi = await newDisk()
    assert.equal((await put(vdi, file('disk.raw'), { format: 'raw' })).status, 'success')
    assert.ok((await get(vdi, 'back.raw', { format: 'raw' })).equals(disk))
    await get(vdi, 'back.vhd', { format: 'vhd' })
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
    const vdi = await newDisk()
    assert.equal((await put(vdi, file('disk.vhd'), { format: 'vhd' })).status, 'success')
    assert.ok((await get(vdi, 'back.raw')).equals(disk))
    await writeFile(file('long.vhd'), [await readFile(file('disk.vhd')), Buffer.alloc(512)])
    const { status, error_info } = await put(vdi, file('long.vhd'), { format: 'vhd' })
    assert.deepEqual([status, error_info[0]], ['failure', 'VDI_IO_ERROR'])
  },
)

test(
  `a chain of snapshots leaves as VHDs that qemu-img and a second disk put together again (seed ${seed})`,
  needs('curl', 'qemu-img'),
  async () => {
    const vdi = await newDisk()
    const chain: { snapshot: string; content: Buffer }[] = []
    let content: Buffer = Buffer.alloc(SIZE)
    for (let step = 0; step < 3; step++) {
      const pieces = somePieces(step === 0 ? 30 : 5)
      await write(vdi, pieces)
      content = overlay(content, pieces)
      chain.push({ snapshot: await call('VDI.snapshot', vdi, {}), content })
    }
    const copy = await newDisk()
    const rebuilt = Buffer.alloc(SIZE)
    for (const [nth, { snapshot, content: expected }] of chain.entries()) {
      const base = chain[nth - 1]?.snapshot
      const stream = await get(snapshot, 'step.vhd', { format: 'vhd', ...(base !== undefined && { base }) })
      assert.equal(stream.readUInt32BE(60), base === undefined ? 3 : 4, 'the disk type')
      // qemu-img takes a differencing disk for one without parent: the blocks that it finds are laid over what was there.
      await qemuImg('convert', '-f', 'vpc', '-O', 'raw', file('step.vhd'), file('step.raw'))
      const raw = await readFile(file('step.raw'))
      const map: { start: number; length: number; data: boolean }[] = JSON.parse(
        await qemuImg('map', '--output=json', '-f', 'vpc', file('step.vhd')),
      )
      for (const { start, length, data } of map) if (data) raw.copy(rebuilt, start, start, start + length)
      assert.ok(rebuilt.equals(expected), `step ${nth} by qemu-img`)
      assert.equal((await put(copy, file('step.vhd'), { format: 'vhd' })).status, 'success')
      assert.ok((await get(copy, 'copy.raw')).equals(expected), `step ${nth} by import`)
    }
    const changed = await get(chain[2]!.snapshot, 'delta.vhd', { format: 'vhd', base: chain[1]!.snapshot })
    assert.ok(changed.length < SIZE, 'a delta holds the blocks that changed only')
    assert.notEqual(changed.subarray(512 + 40, 512 + 56).toString('hex'), Buffer.alloc(16).toString('hex'), 'the parent is named')
  },
)

test('a receiver that hangs up fails the export with VDI_IO_ERROR and lets go of the disk', needs('curl', 'qemu-img'), async () => {
  const vdi = await newDisk(256 * MiB)
  const task = await call('task.create', 'get', '')
  const { code } = await curl('/export_raw_vdi', { vdi, task_id: task }, '--limit-rate', '1M', '--max-time', '1', '--output', file('part'))
  assert.equal(code, 28, 'curl ran into its own time limit')
  const { status, error_info } = await ended(task)
  assert.deepEqual([status, error_info[0]], ['failure', 'VDI_IO_ERROR'])
  assert.deepEqual(await call('VDI.get_VBDs', vdi), [])
  assert.ok((await stat(file('part'))).size < 64 * MiB, 'what was not asked for was not sent')
  await call('VDI.destroy', vdi)
})

test('an upload that fails early ends although much more was to come, and says so behind the 200', needs('curl', 'qemu-img'), async () => {
  const vdi = await newDisk()
  await writeFile(file('bad'), [Buffer.from([100, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]), Buffer.alloc(64 * MiB)])
  const started = performance.now()
  const { status, error_info } = await put(vdi, file('bad'), { format: 'raw', chunked: 'true' })
  assert.deepEqual([status, error_info[0]], ['failure', 'VDI_IO_ERROR'])
  assert.ok(performance.now() - started < 20_000)
  assert.deepEqual(await call('VDI.get_VBDs', vdi), [])
})

test('a raw upload without a disk makes one of its length on the SR named', needs('curl', 'qemu-img'), async () => {
  await writeFile(file('small.raw'), randomBytes(random, 3 * MiB))
  const sr_uuid = await call('SR.get_uuid', sr)
  const task = await call('task.create', 'put', '')
  await curl('/import_raw_vdi', { sr_uuid, task_id: task, format: 'raw' }, '--upload-file', file('small.raw'), '--output', file('answer'))
  await ended(task)
  const vdi = /<value>(.*)<\/value>/.exec(await call('task.get_result', task))?.[1]
  const { name_label, virtual_size } = await call('VDI.get_record', vdi)
  assert.deepEqual([name_label, virtual_size], ['Imported VDI', 2 * BLOCK])
  assert.ok((await get(vdi!, 'small.back')).subarray(0, 3 * MiB).equals(await readFile(file('small.raw'))))
})
