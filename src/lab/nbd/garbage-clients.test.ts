import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryDisk } from '../../../test/support/nbd-programs.ts'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { connectNbd } from '../../nbd/connect.ts'
import { encodeClientFlags, encodeOption } from '../../nbd/handshake.ts'
import { OPTION, REQUEST_LENGTH } from '../../nbd/protocol.ts'
import { encodeRequest } from '../../nbd/transmission.ts'
import { serveGuestDisk } from './guest-disk-server.ts'

/** Over real sockets; fuzz.test.ts gives the servers many more. */
const rounds = 100
const SIZE = 1024 * 1024

test('clients that talk nonsense, or leave anywhere, harm neither the server nor a read-only disk', async (t) => {
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  const folder = mkdtempSync(join(tmpdir(), 'nbd-'))
  const disk = new MemoryDisk(SIZE)
  const socketPath = join(folder, 's')
  const server = await serveGuestDisk({ socketPath, disk: () => disk, writable: () => false })
  try {
    for (let round = 0; round < rounds; round++) {
      const requests = Buffer.alloc(REQUEST_LENGTH * 5)
      for (let index = 0; index < 5; index++) {
        const offset = random(3) === 0 ? 2 ** 50 : random(SIZE)
        encodeRequest(requests, index * REQUEST_LENGTH, {
          flags: random(32),
          command: random(8),
          cookie: round,
          offset,
          length: random(100_000),
        })
      }
      const said = Buffer.concat([
        encodeClientFlags(random(4)),
        encodeOption(random(12), randomBytes(random, random(20))),
        encodeOption(OPTION.exportName),
        requests,
      ])
      for (let flips = random(6); flips > 0; flips--) said.writeUInt8(random(256), random(said.length))
      const socket = connect(socketPath)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.on('error', () => undefined)
      socket.resume()
      socket.end(said.subarray(0, random(3) === 0 ? random(said.length) : said.length))
      await closed
    }
    const connection = await connectNbd({ socketPath, exportName: '' })
    assert.ok((await connection.read(0, SIZE)).equals(Buffer.alloc(SIZE)))
    await connection.close()
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
})
