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

/**
 * That the work takes at least so long whenever it is done, and less than `below` on a machine that is not busy with something else: of
 * ten tries one is enough, since a busy machine only adds to what the lab does.
 */
async function assertTakes(least: number, below: number, work: () => Promise<unknown>): Promise<void> {
  const tries: number[] = []
  do {
    const took = await milliseconds(work)
    assert.ok(took >= least, `${took} ms, less than ${least}`)
    tries.push(took)
  } while (Math.min(...tries) >= below && tries.length < 10)
  assert.ok(Math.min(...tries) < below, `${tries.map(Math.round).join(', ')} ms, never below ${below}`)
}

function connect() {
  const { nbd, certificate } = lab.pool
  const exportName = `/${uuid}?session_id=${lab.xapi.session}`
  return connectNbd({ host: nbd?.host ?? '', port: nbd?.port ?? 0, exportName, tls: { certificate: certificate.cert } })
}

test('a call takes a round trip, on a connection that was open before as well', async () => {
  await lab.xapi.call('SR.get_all', [])
  await lab.set({ kind: 'network', roundTripMs: 100 })
  const call = () => lab.xapi.call('SR.get_all', [])
  // A second round trip would make it 200.
  await assertTakes(99, 190, call)
  lab.faults.clearAll()
  await assertTakes(0, 90, call)
})

test('a new connection costs the round trips of TCP and TLS', needs('curl'), async () => {
  await lab.set({ kind: 'network', roundTripMs: 100 })
  const seconds: number[] = []
  do {
    const { stdout } = await run('curl', ['-sk', '-w', ' %{time_total}', '-d', '{}', `${lab.started.url}/jsonrpc`])
    seconds.push(Number(stdout.split(' ').at(-1)))
    assert.ok((seconds.at(-1) as number) >= 0.29, `${seconds} s`)
  } while (Math.min(...seconds) >= 0.8 && seconds.length < 10)
  assert.ok(Math.min(...seconds) < 0.8, `${seconds} s`)
})

test('NBD reads sent together take one round trip, one after the other one each', async () => {
  await lab.set({ kind: 'network', roundTripMs: 100 })
  const connection = await connect()
  try {
    await connection.read(0, 512)
    await assertTakes(99, 300, () => Promise.all(Array.from({ length: 32 }, (_, n) => connection.read(n * 65_536, 65_536))))
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
  await assertTakes(480, 1500, async () => assert.ok((await exported(lab.xapi, vdi)).equals(content)))
  await assertTakes(960, 3000, () => Promise.all([exported(lab.xapi, vdi), exported(lab.xapi, vdi)]))
})

test('an import goes through latency and bandwidth, and arrives whole', async () => {
  const { ref } = await lab.newDisk(SIZE)
  await lab.set({ kind: 'network', roundTripMs: 50, bytesPerSecond: 16 * MIB })
  const frames = Array.from({ length: SIZE / MIB }, (_, n) => frame(n * MIB, content.subarray(n * MIB, (n + 1) * MIB)))
  await assertTakes(500, 2500, () => imported(lab.xapi, ref, ...frames))
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
