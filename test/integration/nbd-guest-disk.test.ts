/** The guest's side of a lab disk, read and written by programs that we did not write. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { serveGuestDisk } from '../../src/lab/nbd/guest-disk-server.ts'
import { connectNbd } from '../../src/nbd/connect.ts'
import { type Folder, MemoryDisk, runProgram, temporaryFolder } from '../support/nbd-programs.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomNumbers, testSeed } from '../support/random-disk.ts'

const MIB = 1024 * 1024

async function served(folder: Folder, size: number, options: { disk?: () => MemoryDisk; writable?: boolean } = {}) {
  const disk = new MemoryDisk(size)
  const socketPath = folder.file('guest.sock')
  const server = await serveGuestDisk({
    socketPath,
    disk: options.disk ?? (() => disk),
    size: () => size,
    writable: options.writable ?? true,
  })
  return { disk, socketPath, uri: `nbd+unix:///?socket=${socketPath}`, [Symbol.asyncDispose]: () => server.close() }
}

test('nbdinfo sees what a guest may do with its disk', needs('nbdinfo'), async () => {
  using folder = temporaryFolder()
  await using it = await served(folder, 8 * MIB)
  const { exports } = JSON.parse(await runProgram('nbdinfo', '--json', '--list', it.uri))
  assert.equal(exports.length, 1)
  const [only] = exports
  assert.equal(only['export-name'], '')
  assert.equal(only['export-size'], 8 * MIB)
  assert.deepEqual(
    ['is_read_only', 'can_flush', 'can_fua', 'can_trim', 'can_zero', 'can_multi_conn'].map((name) => only[name]),
    [false, true, true, true, true, true],
  )
  assert.deepEqual([only.block_size_minimum, only.block_size_preferred, only.block_size_maximum], [1, 4096, 32 * MIB])
})

test('nbdcopy writes and reads back, over several connections', needs('nbdcopy'), async (t) => {
  using folder = temporaryFolder()
  await using it = await served(folder, 24 * MIB)
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const content = Buffer.concat([randomBytes(randomNumbers(seed), 20 * MIB), Buffer.alloc(4 * MIB)])
  writeFileSync(folder.file('in.raw'), content)
  await runProgram('nbdcopy', '--connections=4', '--flush', folder.file('in.raw'), it.uri)
  assert.ok(it.disk.bytes.equals(content))
  await runProgram('nbdcopy', it.uri, folder.file('out.raw'))
  assert.ok(readFileSync(folder.file('out.raw')).equals(content))
})

test('qemu-io writes, zeroes, trims and verifies, also what is no whole sector', needs('qemu-io'), async () => {
  using folder = temporaryFolder()
  await using it = await served(folder, 8 * MIB)
  it.disk.bytes.fill(0x11)
  const commands = [
    'write -P 0xab 64k 192k',
    'write -z 1M 1M',
    'discard 3M 1M',
    'write -P 0xcd 700 300',
    'write -z 5000 3000',
    'flush',
    'read -P 0xab 64k 192k',
  ]
  const said = await runProgram('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), it.uri)
  assert.doesNotMatch(said, /failed|error/i)
  const expected = Buffer.alloc(8 * MIB, 0x11)
  expected.fill(0xab, 64 * 1024, 256 * 1024)
  expected.fill(0, MIB, 2 * MIB)
  expected.fill(0, 3 * MIB, 4 * MIB)
  expected.fill(0xcd, 700, 1000)
  expected.fill(0, 5000, 8000)
  assert.ok(it.disk.bytes.equals(expected))
})

test('qemu-img converts a guest disk', needs('qemu-img'), async () => {
  using folder = temporaryFolder()
  await using it = await served(folder, 4 * MIB)
  it.disk.bytes.fill(0x77, MIB, 3 * MIB)
  await runProgram('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', it.uri, folder.file('out.raw'))
  assert.ok(readFileSync(folder.file('out.raw')).equals(it.disk.bytes))
})

test(
  'while the VM does not run every request fails with EIO and nothing is written; it works again afterwards',
  needs('qemu-io'),
  async () => {
    using folder = temporaryFolder()
    const disk = new MemoryDisk(4 * MIB)
    let running = true
    await using it = await served(folder, 4 * MIB, {
      disk: () => {
        if (!running) throw new Error('halted')
        return disk
      },
    })
    const connection = await connectNbd({ socketPath: it.socketPath, exportName: '' })
    assert.equal((await connection.read(0, 512)).length, 512)
    running = false
    await assert.rejects(connection.read(0, 512), { code: 'NBD_SERVER_ERROR', errno: 'EIO' })
    for (const command of ['read 0 64k', 'write -P 1 0 64k', 'write -z 0 64k']) {
      await assert.rejects(
        runProgram('qemu-io', '-f', 'raw', '-c', command, it.uri),
        (error: Error & { stdout?: string; stderr?: string }) => /Input\/output error/.test(`${error.stdout}${error.stderr}`),
        command,
      )
    }
    assert.ok(disk.bytes.every((byte) => byte === 0))
    running = true
    assert.equal((await connection.read(0, 512)).length, 512)
    await connection.close()
  },
)

test('a read-only disk refuses writes', needs('qemu-io', 'nbdinfo'), async () => {
  using folder = temporaryFolder()
  await using it = await served(folder, 4 * MIB, { writable: false })
  assert.equal(JSON.parse(await runProgram('nbdinfo', '--json', it.uri)).exports[0].is_read_only, true)
  await assert.rejects(runProgram('qemu-io', '-f', 'raw', '-c', 'write -P 1 0 64k', it.uri))
  assert.ok(it.disk.bytes.every((byte) => byte === 0))
})

test('closing cuts the clients and removes the socket; a stale socket is replaced', async () => {
  using folder = temporaryFolder()
  writeFileSync(folder.file('guest.sock'), '')
  const it = await served(folder, MIB)
  const connection = await connectNbd({ socketPath: it.socketPath, exportName: '' })
  await it[Symbol.asyncDispose]()
  await assert.rejects(connection.read(0, 512), { code: 'NBD_CLOSED' })
  await assert.rejects(connectNbd({ socketPath: it.socketPath, exportName: '' }), { code: 'NBD_CONNECT_FAILED' })
  await connection.close()
})
