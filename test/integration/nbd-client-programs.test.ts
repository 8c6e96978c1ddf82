/** Our NBD client against servers that we did not write: nbdkit and qemu-nbd. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { connectNbd } from '../../src/nbd/connect.ts'
import type { NbdConnection } from '../../src/nbd/connection.ts'
import { createNbdSource } from '../../src/nbd/nbd-source.ts'
import type { NbdPool } from '../../src/nbd/pool.ts'
import { makeServerCertificate, startNbdkit, startQemuNbd, temporaryFolder } from '../support/nbd-programs.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomNumbers, testSeed } from '../support/random-disk.ts'
import { patternAt } from '../support/scripted-nbd.ts'

const MIB = 1024 * 1024
const SIZE = 64 * MIB

/** Many reads at once, of odd places and lengths, each checked against nbdkit's pattern. */
async function readAround(connection: NbdConnection): Promise<void> {
  assert.equal(connection.size, SIZE)
  const reads = Array.from({ length: 120 }, (_, index) => {
    const offset = (index * 524_288 + index * 512) % (SIZE - 2 * MIB)
    return { offset, length: index % 7 === 0 ? 2 * MIB : 512 * (1 + (index % 130)) }
  })
  await Promise.all(
    reads.map(async ({ offset, length }) => {
      assert.ok((await connection.read(offset, length)).equals(patternAt(offset, length)), `${length} bytes at ${offset}`)
    }),
  )
  assert.equal(connection.inFlight, 0)
}

test('reads of nbdkit in clear text are right, out of order too', needs('nbdkit'), async () => {
  using folder = temporaryFolder()
  // Requests run in parallel threads, each delayed by another time: replies overtake each other.
  await using server = await startNbdkit(folder, '--filter=delay', 'pattern', `size=${SIZE}`, 'rdelay=2ms')
  const connection = await connectNbd({ socketPath: server.socketPath, exportName: '' })
  await readAround(connection)
  await connection.close()
})

test(
  'reads of nbdkit over TLS are right when it presents the pinned certificate, and it is refused when not',
  needs('nbdkit'),
  async () => {
    using folder = temporaryFolder()
    using other = temporaryFolder()
    const certificate = await makeServerCertificate(folder)
    const foreign = await makeServerCertificate(other)
    await using server = await startNbdkit(folder, '--tls=require', `--tls-certificates=${folder.path}`, 'pattern', `size=${SIZE}`)
    const { socketPath } = server
    const connection = await connectNbd({ socketPath, exportName: '', tls: { certificate, servername: 'localhost' } })
    await readAround(connection)
    await connection.close()
    await assert.rejects(connectNbd({ socketPath, exportName: '', tls: { certificate: foreign } }), { code: 'NBD_CERTIFICATE_MISMATCH' })
    await assert.rejects(connectNbd({ socketPath, exportName: '' }), { code: 'NBD_CLOSED' })
  },
)

test('nbdkit without TLS is refused when TLS is asked for', needs('nbdkit'), async () => {
  using folder = temporaryFolder()
  const certificate = await makeServerCertificate(folder)
  await using server = await startNbdkit(folder, '--tls=off', 'pattern', `size=${SIZE}`)
  await assert.rejects(connectNbd({ socketPath: server.socketPath, exportName: '', tls: { certificate } }), { code: 'NBD_TLS_REFUSED' })
})

test('an error that nbdkit replies fails the read alone', needs('nbdkit'), async () => {
  using folder = temporaryFolder()
  await using server = await startNbdkit(folder, '--filter=error', 'pattern', `size=${SIZE}`, 'error-pread=EIO', 'error-pread-rate=50%')
  const connection = await connectNbd({ socketPath: server.socketPath, exportName: '' })
  const reads = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => connection.read(index * 4096, 4096)))
  const failed = reads.filter((read) => read.status === 'rejected')
  assert.ok(failed.length > 0 && failed.length < 200, `${failed.length} of 200`)
  for (const { reason } of failed) assert.deepEqual([reason.code, reason.errno], ['NBD_SERVER_ERROR', 'EIO'])
  for (const [index, read] of reads.entries()) if (read.status === 'fulfilled') assert.ok(read.value.equals(patternAt(index * 4096, 4096)))
  await connection.close()
})

test('nbdkit killed in the middle of reads breaks all of them', needs('nbdkit'), async () => {
  using folder = temporaryFolder()
  await using server = await startNbdkit(folder, '--filter=delay', 'pattern', `size=${SIZE}`, 'rdelay=30')
  const connection = await connectNbd({ socketPath: server.socketPath, exportName: '' })
  const reads = [0, 1, 2].map((index) => assert.rejects(connection.read(index * 512, 512), { code: 'NBD_CLOSED' }))
  await server.kill()
  await Promise.all(reads)
  await connection.close()
})

test('reads of qemu-nbd are right, its export by name too', needs('qemu-nbd'), async (t) => {
  using folder = temporaryFolder()
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  const content = randomBytes(random, 4 * MIB)
  writeFileSync(folder.file('disk.raw'), content)
  await using server = await startQemuNbd(folder, folder.file('disk.raw'), '-r', '-x', 'disk one')
  const connection = await connectNbd({ socketPath: server.socketPath, exportName: 'disk one' })
  assert.equal(connection.size, content.length)
  assert.equal(connection.flags & 2, 2)
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      const offset = 512 * random(4096)
      const length = 512 * (1 + random(4096))
      assert.ok((await connection.read(offset, length)).equals(content.subarray(offset, offset + length)))
    }),
  )
  await connection.close()
  await assert.rejects(connectNbd({ socketPath: server.socketPath, exportName: 'disk two' }), { code: 'NBD_CLOSED' })
})

test('a source reads the whole of an nbdkit export within its budget', needs('nbdkit'), async () => {
  using folder = temporaryFolder()
  await using server = await startNbdkit(folder, 'pattern', `size=${SIZE}`)
  const connection = await connectNbd({ socketPath: server.socketPath, exportName: '' })
  const pool: NbdPool = Object.assign(connection, { connections: 1 })
  const source = createNbdSource({ pool, size: SIZE, extents: [{ offset: 0, length: SIZE }] })
  const budget = createByteBudget(8 * MIB)
  let total = 0
  for await (const { offset, data, release } of source.blocks({ signal: new AbortController().signal, budget })) {
    assert.ok(data.equals(patternAt(offset, data.length)), `block at ${offset}`)
    total += data.length
    release()
  }
  assert.deepEqual([total, source.bytesRead, budget.used], [SIZE, SIZE, 0])
  await source.close()
})
