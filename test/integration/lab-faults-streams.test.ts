/** Faults of exports, imports and NBD connections of a simulated pool, seen by our clients, curl and nbdcopy. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import type { Refstring } from '../../src/lab/pool.ts'
import { connectNbd } from '../../src/nbd/connect.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { exported, type FaultyPool, faultyPool, frame, imported, MIB } from '../support/faulty-pool.ts'
import { runProgram, temporaryFolder } from '../support/nbd-programs.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomNumbers, testSeed } from '../support/random-disk.ts'

const run = promisify(execFile)
const SIZE = 8 * MIB
const seed = testSeed()
let lab: FaultyPool
let vdi: Ref<'VDI'>
let uuid: string
let content: Buffer

before(async () => {
  lab = await faultyPool()
  const disk = await lab.newDisk(SIZE)
  vdi = disk.ref
  uuid = disk.uuid
  content = randomBytes(randomNumbers(seed), SIZE)
  write(content)
})
after(() => lab[Symbol.asyncDispose]())
beforeEach(async () => {
  lab.faults.clearAll()
  await detached()
})

function write(data: Buffer): void {
  for (let at = 0; at < data.length; at += MIB) lab.pool.storage.disk(vdi).write(at, data.subarray(at, at + MIB))
}
const attachments = () => (lab.pool.db.get('VDI', vdi).VBDs as readonly Refstring[]).length
async function detached(): Promise<void> {
  while (attachments() > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

function connect(timeoutMs?: number) {
  const { nbd, certificate } = lab.pool
  return connectNbd({
    ...{ host: nbd?.host ?? '', port: nbd?.port ?? 0, exportName: `/${uuid}?session_id=${lab.xapi.session}` },
    ...{ tls: { certificate: certificate.cert }, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
  })
}
async function readNbd(offset: number, length: number, timeoutMs?: number): Promise<Buffer> {
  const connection = await connect(timeoutMs)
  try {
    return Buffer.from(await connection.read(offset, length))
  } finally {
    await connection.close()
  }
}
const url = (query = '') => `${lab.started.url}/export_raw_vdi?session_id=${lab.xapi.session}&vdi=${uuid}&format=raw${query}`

/** The task's end as the pool has it. */
async function taskEnded(task: string): Promise<{ status: string; error: string }> {
  for (;;) {
    const { status, error_info } = lab.pool.db.get('task', task)
    if (status !== 'pending') return { status: String(status), error: String((error_info as string[])[0] ?? '') }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('an export cut after n bytes: curl has exactly these, and the task has failed', needs('curl'), async () => {
  using folder = temporaryFolder()
  await lab.set({ kind: 'cut', match: { connection: 'export', vdi: uuid, at: 3 * MIB } })
  const task = await lab.xapi.call<string>('task.create', ['export', ''])
  const failed = await run('curl', ['-sk', '-i', '-o', folder.file('cut'), url(`&task_id=${task}`)]).catch(
    (error: { code: number }) => error,
  )
  // 56: the connection went without a closing word.
  assert.equal((failed as { code?: number }).code, 56)
  assert.equal(readFileSync(folder.file('cut')).length, 3 * MIB)
  assert.deepEqual(await taskEnded(task), { status: 'failure', error: 'VDI_IO_ERROR' })
  await assert.doesNotReject(exported(lab.xapi, vdi))
})

test('an export that ends early looks complete: curl is content, the task says success', needs('curl'), async () => {
  using folder = temporaryFolder()
  await lab.set({ kind: 'truncate', match: { connection: 'export', at: 3 * MIB } })
  const task = await lab.xapi.call<string>('task.create', ['export', ''])
  await run('curl', ['-sk', '-i', '-o', folder.file('short'), url(`&task_id=${task}`)])
  assert.equal(readFileSync(folder.file('short')).length, 3 * MIB)
  assert.equal((await taskEnded(task)).status, 'success')
})

test('an export that is cut fails for our client, and one on another disk does not', async () => {
  await lab.set({ kind: 'cut', match: { connection: 'export', vdi: 'another', at: 0 } })
  assert.ok((await exported(lab.xapi, vdi)).equals(content))
  await lab.set({ kind: 'cut', match: { connection: 'export', vdi: uuid, at: 0 } })
  await assert.rejects(exported(lab.xapi, vdi))
})

test('an import cut after n bytes holds what came before, and fails', async () => {
  const { ref } = await lab.newDisk(SIZE)
  const one = frame(0, Buffer.alloc(64 << 10, 1))
  await lab.set({ kind: 'cut', match: { connection: 'import', at: one.length } })
  const many = Array.from({ length: 64 }, (_, index) => frame((index + 1) * (64 << 10), Buffer.alloc(64 << 10, 2)))
  await assert.rejects(imported(lab.xapi, ref, one, ...many))
  const disk = lab.pool.storage.disk(ref)
  assert.deepEqual([disk.read(0, 512)[0], disk.read(64 << 10, 512)[0]], [1, 0])
  assert.deepEqual(lab.fired().slice(-1), ['cut'])
})

test('an import cut after its last byte, before its answer is known, has taken place', async () => {
  const { ref } = await lab.newDisk(SIZE)
  const one = frame(0, Buffer.alloc(64 << 10, 1))
  await lab.set({ kind: 'cut', match: { connection: 'import', at: one.length + 12 } })
  await imported(lab.xapi, ref, one).catch(() => undefined)
  assert.equal(lab.pool.storage.disk(ref).read(0, 512)[0], 1)
  assert.deepEqual(lab.fired().slice(-1), ['cut'])
})

test('a half-open import takes no more bytes and says nothing, until the client leaves', async () => {
  const { ref } = await lab.newDisk(SIZE)
  await lab.set({ kind: 'half-open', match: { connection: 'import', at: 12 } })
  const stream = await lab.xapi.importVdi({ vdi: ref, format: 'raw', chunked: true })
  await stream.write(frame(0, Buffer.alloc(4096, 1)), frame(0))
  while (lab.fired().at(-1) !== 'half-open') await new Promise(setImmediate)
  const held = () => (lab.pool.db.get('VDI', ref).VBDs as readonly Refstring[]).length
  assert.equal(held(), 1)
  await stream.abort()
  while (held() > 0) await new Promise(setImmediate)
  assert.equal(lab.pool.storage.disk(ref).read(0, 512)[0], 0)
})

test('an export stalls at a byte for as long as it says, and then is complete', async () => {
  await lab.set({ kind: 'stall', seconds: 0.5, match: { connection: 'export', at: MIB } })
  const begin = performance.now()
  assert.ok((await exported(lab.xapi, vdi)).equals(content))
  assert.ok(performance.now() - begin >= 500)
})

test('a stalled NBD read exceeds the time of a client that waits less', async () => {
  await lab.set({ kind: 'stall', seconds: 30, match: { connection: 'nbd', at: 4096 } })
  await assert.rejects(
    readNbd(0, MIB, 300),
    (error: { code?: string }) => error.code === 'NBD_TIMEOUT' || /answer|time/i.test(String(error)),
  )
})

test('an NBD connection is cut after n bytes of replies, once', async () => {
  await lab.set({ kind: 'cut', match: { connection: 'nbd', vdi: uuid, at: 300_000 } })
  await assert.rejects(readNbd(0, MIB), (error: { code?: string }) => error.code === 'NBD_CLOSED')
  assert.ok((await readNbd(0, MIB)).equals(content.subarray(0, MIB)))
})

test('a half-open NBD connection sends nothing more; the disk is let go when the client leaves', async () => {
  await lab.set({ kind: 'half-open', match: { connection: 'nbd', direction: 'in', at: 28 } })
  await assert.rejects(readNbd(0, MIB, 300))
  await detached()
})

test('a byte is wrong in what NBD reads, at its place on the disk, and only there', needs('nbdcopy'), async () => {
  using folder = temporaryFolder()
  const at = 5 * MIB + 77
  await lab.set({ kind: 'corrupt', match: { connection: 'nbd', vdi: uuid, at }, xor: 0x80 })
  const { nbd, certificate } = lab.pool
  writeFileSync(folder.file('ca-cert.pem'), certificate.cert)
  const name = encodeURIComponent(`/${uuid}?session_id=${lab.xapi.session}`)
  await runProgram('nbdcopy', `nbds://${nbd?.host}:${nbd?.port}/${name}?tls-certificates=${folder.path}`, folder.file('copy'))
  const copy = readFileSync(folder.file('copy'))
  assert.equal(copy[at], (content[at] as number) ^ 0x80)
  copy[at] = content[at] as number
  assert.ok(copy.equals(content))
  // The disk itself is as it was.
  assert.equal(lab.pool.storage.disk(vdi).read(5 * MIB, 512)[77], content[at])
})

test('a byte is wrong in an export, by its place on the disk or in the stream', async () => {
  await lab.set({ kind: 'corrupt', match: { connection: 'export', at: 12345 } })
  const first = await exported(lab.xapi, vdi)
  assert.equal(first[12345], (content[12345] as number) ^ 0xff)
  await lab.set({ kind: 'corrupt', where: 'stream', match: { connection: 'export', at: 2 * MIB } })
  const second = await exported(lab.xapi, vdi)
  const wrong = [...second.keys()].filter((index) => second[index] !== content[index])
  // The stream starts with the reply's head.
  assert.equal(wrong.length, 1)
  assert.ok((wrong[0] as number) < 2 * MIB && (wrong[0] as number) > 2 * MIB - 1024)
})

test('a byte of an import is wrong where it is stored, and the import succeeds', async () => {
  const { ref, uuid: target } = await lab.newDisk(SIZE)
  await lab.set({ kind: 'corrupt', match: { connection: 'import', vdi: target, at: 700 }, xor: 1 })
  await imported(lab.xapi, ref, frame(0, Buffer.alloc(4096, 4)))
  const stored = lab.pool.storage.disk(ref).read(0, 4096)
  assert.equal(stored[700], 5)
  stored[700] = 4
  assert.ok(stored.every((byte) => byte === 4))
  await lab.set({ kind: 'corrupt', where: 'stream', match: { connection: 'import', at: 12 }, xor: 1 })
  await imported(lab.xapi, ref, frame(0, Buffer.alloc(4096, 4)))
  assert.deepEqual([...lab.pool.storage.disk(ref).read(0, 512).subarray(0, 2)], [5, 4])
})

test('the answer to a call is cut in the middle', async () => {
  await lab.set({ kind: 'truncate', match: { connection: 'rpc', at: 40 } })
  // Reads are repeated by our client, others are not.
  assert.ok(Array.isArray(await lab.xapi.call('SR.get_all', [])))
  assert.deepEqual(lab.fired().slice(-1), ['truncate'])
  const count = lab.pool.db.refs('VDI').length
  await lab.set({ kind: 'truncate', match: { connection: 'rpc', at: 40 } })
  await assert.rejects(lab.newDisk())
  assert.equal(lab.pool.db.refs('VDI').length, count + 1)
})

test('a toolstack restarts in the middle of an import', async () => {
  const { ref } = await lab.newDisk(SIZE)
  await lab.set({ kind: 'restart', match: { connection: 'import', at: 100_000 } })
  await assert.rejects(imported(lab.xapi, ref, ...Array.from({ length: 32 }, (_, n) => frame(n * 65_536, Buffer.alloc(65_536, 9)))))
  for (;;) {
    const vbds = await lab.xapi.call<string[]>('VDI.get_VBDs', [ref]).catch((error) => {
      if (error instanceof XapiError) throw error
      return ['?']
    })
    if (vbds.length === 0) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})
