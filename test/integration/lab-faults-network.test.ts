/** Latency and bandwidth of a simulated pool: what is under way together arrives together. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, afterEach, before, test } from 'node:test'
import { promisify } from 'node:util'
import { connectNbd } from '../../src/nbd/connect.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { exported, type FaultyPool, faultyPool, frame, imported, MIB } from '../support/faulty-pool.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomNumbers, testSeed } from '../support/random-disk.ts'

const run = promisify(execFile)
const SIZE = 8 * MIB
let lab: FaultyPool
let vdi: Ref<'VDI'>
let uuid: string
let content: Buffer

before(async () => {
  lab = await faultyPool()
  const disk = await lab.newDisk(SIZE)
  vdi = disk.ref
  uuid = disk.uuid
  content = randomBytes(randomNumbers(testSeed()), SIZE)
  for (let at = 0; at < SIZE; at += MIB) lab.pool.storage.disk(vdi).write(at, content.subarray(at, at + MIB))
})
after(() => lab[Symbol.asyncDispose]())
afterEach(() => lab.faults.clearAll())

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

function connect() {
  const { nbd, certificate } = lab.pool
  const exportName = `/${uuid}?session_id=${lab.xapi.session}`
  return connectNbd({ host: nbd?.host ?? '', port: nbd?.port ?? 0, exportName, tls: { certificate: certificate.cert } })
}

test('a call takes a round trip, on a connection that was open before as well', async () => {
  await lab.xapi.call('SR.get_all', [])
  await lab.set({ kind: 'network', roundTripMs: 100 })
  const took = await milliseconds(() => lab.xapi.call('SR.get_all', []))
  assert.ok(took >= 99 && took < 300, `${took} ms`)
  lab.faults.clearAll()
  assert.ok((await milliseconds(() => lab.xapi.call('SR.get_all', []))) < 90)
})

test('a new connection costs the round trips of TCP and TLS', needs('curl'), async () => {
  await lab.set({ kind: 'network', roundTripMs: 100 })
  const { stdout } = await run('curl', ['-sk', '-w', ' %{time_total}', '-d', '{}', `${lab.started.url}/jsonrpc`])
  const seconds = Number(stdout.split(' ').at(-1))
  assert.ok(seconds >= 0.29 && seconds < 0.8, `${seconds} s`)
})

test('NBD reads sent together take one round trip, one after the other one each', async () => {
  await lab.set({ kind: 'network', roundTripMs: 100 })
  const connection = await connect()
  try {
    await connection.read(0, 512)
    const together = await milliseconds(() => Promise.all(Array.from({ length: 32 }, (_, n) => connection.read(n * 65_536, 65_536))))
    assert.ok(together >= 99 && together < 300, `together ${together} ms`)
    const apart = await milliseconds(async () => {
      for (let n = 0; n < 4; n += 1) await connection.read(n * 65_536, 65_536)
    })
    assert.ok(apart >= 396, `apart ${apart} ms`)
    const bytes = await connection.read(MIB, 2 * MIB)
    assert.ok(bytes.equals(content.subarray(MIB, 3 * MIB)))
  } finally {
    await connection.close()
  }
})

test('the bandwidth is one for everything: two transfers at once take as long as one after the other', async () => {
  await lab.set({ kind: 'network', bytesPerSecond: 16 * MIB })
  const alone = await milliseconds(async () => assert.ok((await exported(lab.xapi, vdi)).equals(content)))
  assert.ok(alone >= 480 && alone < 1500, `alone ${alone} ms`)
  const both = await milliseconds(() => Promise.all([exported(lab.xapi, vdi), exported(lab.xapi, vdi)]))
  assert.ok(both >= 960 && both < 3000, `both ${both} ms`)
})

test('an import goes through latency and bandwidth, and arrives whole', async () => {
  const { ref } = await lab.newDisk(SIZE)
  await lab.set({ kind: 'network', roundTripMs: 50, bytesPerSecond: 16 * MIB })
  const frames = Array.from({ length: SIZE / MIB }, (_, n) => frame(n * MIB, content.subarray(n * MIB, (n + 1) * MIB)))
  const took = await milliseconds(() => imported(lab.xapi, ref, ...frames))
  assert.ok(took >= 500 && took < 2500, `${took} ms`)
  for (let at = 0; at < SIZE; at += MIB) {
    assert.ok(
      lab.pool.storage
        .disk(ref)
        .read(at, MIB)
        .equals(content.subarray(at, at + MIB)),
    )
  }
})

test('a window smaller than what the link holds slows a stream down to a window for each one-way trip', async () => {
  await lab.set({ kind: 'network', roundTripMs: 100, windowBytes: MIB })
  const took = await milliseconds(() => exported(lab.xapi, vdi))
  assert.ok(took >= 300, `${took} ms`)
})

test('faults cleared in the middle of a transfer leave its bytes in order', async () => {
  const { id } = await lab.set({ kind: 'network', roundTripMs: 200, bytesPerSecond: 8 * MIB })
  const reading = exported(lab.xapi, vdi)
  setTimeout(() => lab.faults.clear(id), 400)
  assert.ok((await reading).equals(content))
})
