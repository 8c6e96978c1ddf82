/** Servers that misbehave, and what the NBD client makes of it. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createSecureContext, TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { generate } from 'selfsigned'
import type { ClientSocket } from '../../src/lab/nbd/client-socket.ts'
import { connectNbd } from '../../src/nbd/connect.ts'
import { encodeExportInfo, encodeGreeting, encodeOptionReply } from '../../src/nbd/handshake.ts'
import { NbdError } from '../../src/nbd/nbd-error.ts'
import { OPTION, OPTION_HEADER_LENGTH, OPTION_REPLY, REQUEST_LENGTH } from '../../src/nbd/protocol.ts'
import { encodeSimpleReply } from '../../src/nbd/transmission.ts'
import { agreeToTls, answer, greetInClear, nextRead, patternAt, scriptNbd, serveRight } from '../support/scripted-nbd.ts'

const SIZE = 8 * 1024 * 1024
const SECRET = 'OpaqueRef:5ec7e700-0000-4000-8000-000000000001'
const exportName = `/b1a6c9fc-5f1e-4b0c-9c6e-ffffffffffff?session_id=${SECRET}`

const host = '127.0.0.1'

/** A self-signed certificate. */
async function certificate(): Promise<{ cert: string; key: string }> {
  const made = await generate([{ name: 'commonName', value: 'host' }], { keySize: 2048 })
  return { cert: made.cert, key: made.private }
}

/** That the error is of this code, and tells nobody the session. */
function refusedWith(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof NbdError, inspect(error))
    assert.equal(error.code, code, inspect(error))
    assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(SECRET))
    return true
  }
}

async function greetedBy(script: (client: ClientSocket) => Promise<void>, timeoutMs = 5_000) {
  const server = await scriptNbd(async (client) => {
    assert.equal(await greetInClear(client, SIZE), exportName)
    await script(client)
  })
  const connection = await connectNbd({ host, port: server.port, exportName, timeoutMs })
  return {
    connection,
    async [Symbol.asyncDispose]() {
      await connection.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

test('a server that hangs up anywhere in the negotiation is an error, never a connection', async () => {
  const whole = Buffer.concat([encodeGreeting(1), encodeExportInfo({ size: SIZE, flags: 3 }, true)])
  for (const length of [0, 1, 17, 18, 19, 27, 28, 29, whole.length - 1]) {
    await using server = await scriptNbd(async (client) => {
      await client.write(whole.subarray(0, Math.min(18, length)))
      if (length < 18) return
      await client.read(4 + OPTION_HEADER_LENGTH + Buffer.byteLength(exportName))
      await client.write(whole.subarray(18, length))
    })
    await assert.rejects(connectNbd({ host, port: server.port, exportName }), refusedWith('NBD_CLOSED'), `after ${length} bytes`)
  }
})

test('a server that says nothing is given up after the time that was allowed', async () => {
  await using silent = await scriptNbd((client) => client.closed)
  await assert.rejects(connectNbd({ host, port: silent.port, exportName, timeoutMs: 60 }), refusedWith('NBD_TIMEOUT'))
})

test('a server that goes silent with reads in flight loses all of them, and no later read hangs', async () => {
  await using it = await greetedBy((client) => client.closed, 500)
  const reads = await Promise.allSettled([0, 512, 1024].map((offset) => it.connection.read(offset, 512)))
  for (const read of reads) assert.ok(read.status === 'rejected' && refusedWith('NBD_TIMEOUT')(read.reason))
  assert.equal(it.connection.open, false)
  assert.equal(it.connection.inFlight, 0)
  await assert.rejects(it.connection.read(0, 512), refusedWith('NBD_TIMEOUT'))
})

test('a server that trickles is not given up', async () => {
  await using it = await greetedBy(async (client) => {
    const request = await nextRead(client)
    if (request === undefined) return
    const reply = Buffer.concat([encodeSimpleReply(request.cookie, 0), patternAt(0, 512)])
    // Longer than the time allowed in all, and far below it from piece to piece.
    for (let at = 0; at < reply.length; at += 44) {
      await client.write(reply.subarray(at, at + 44))
      await delay(100)
    }
    await nextRead(client)
  }, 1000)
  assert.deepEqual(await it.connection.read(0, 512), patternAt(0, 512))
})

test('silence while nothing is asked is no fault', async () => {
  await using it = await greetedBy(serveRight, 500)
  await it.connection.read(0, 512)
  // Longer than what is allowed: this waits for something not to happen.
  await delay(700)
  assert.deepEqual(await it.connection.read(512, 512), patternAt(512, 512))
})

test('an error reply fails its read alone; hanging up afterwards fails the others', async () => {
  const second = Promise.withResolvers<void>()
  await using it = await greetedBy(async (client) => {
    const bad = await nextRead(client)
    const good = await nextRead(client)
    await nextRead(client)
    if (bad === undefined || good === undefined) return
    await client.write(encodeSimpleReply(bad.cookie, 5))
    await answer(client, good)
    await second.promise
  })
  const reads = [0, 512, 1024].map((offset) => it.connection.read(offset, 512))
  await assert.rejects(reads[0] ?? Promise.resolve(), (error: NbdError) => refusedWith('NBD_SERVER_ERROR')(error) && error.errno === 'EIO')
  assert.deepEqual(await reads[1], patternAt(512, 512))
  second.resolve()
  await assert.rejects(reads[2] ?? Promise.resolve(), refusedWith('NBD_CLOSED'))
})

test('a payload that ends too early is an error, not data', async () => {
  await using it = await greetedBy(async (client) => {
    const request = await nextRead(client)
    if (request !== undefined) await client.write(Buffer.concat([encodeSimpleReply(request.cookie, 0), patternAt(0, 4096)]))
  })
  await assert.rejects(it.connection.read(0, 8192), refusedWith('NBD_CLOSED'))
  assert.equal(it.connection.bytesRead, 4096)
})

test('replies to what was not asked and replies without the magic number break the connection', async () => {
  for (const wrong of [encodeSimpleReply(Buffer.alloc(8, 0xff), 0), Buffer.alloc(16), Buffer.from('HTTP/1.1 500 Err')]) {
    await using it = await greetedBy(async (client) => {
      await nextRead(client)
      await client.write(wrong)
      await client.closed
    })
    const reads = await Promise.allSettled([it.connection.read(0, 512), it.connection.read(512, 512)])
    for (const read of reads) assert.ok(read.status === 'rejected' && refusedWith('NBD_PROTOCOL')(read.reason))
  }
})

test('bytes that nobody asked for after the negotiation break the connection', async () => {
  await using server = await scriptNbd(async (client) => {
    await client.write(encodeGreeting(1))
    await client.read(4 + OPTION_HEADER_LENGTH + Buffer.byteLength(exportName))
    await client.write(Buffer.concat([encodeExportInfo({ size: SIZE, flags: 3 }, true), encodeSimpleReply(Buffer.alloc(8), 0)]))
    await client.closed
  })
  await assert.rejects(async () => (await connectNbd({ host, port: server.port, exportName })).read(0, 512), refusedWith('NBD_PROTOCOL'))
})

test('reads outside the export are refused without asking the server', async () => {
  await using it = await greetedBy(serveRight)
  for (const [offset, length] of [
    [SIZE, 512],
    [-512, 512],
    [0, 0],
    [0, 64 * 1024 * 1024],
    [0.5, 512],
    [Number.NaN, 512],
  ] as const) {
    await assert.rejects(it.connection.read(offset, length), refusedWith('NBD_OUT_OF_RANGE'), `${offset}+${length}`)
  }
  assert.deepEqual(await it.connection.read(SIZE - 512, 512), patternAt(SIZE - 512, 512))
})

test('a server without TLS is refused, and is not told the name of the export', async () => {
  const heard: Buffer[] = []
  await using server = await scriptNbd(async (client) => {
    await client.write(encodeGreeting(1))
    heard.push(await client.read(4 + OPTION_HEADER_LENGTH))
    await client.write(encodeOptionReply(OPTION.starttls, OPTION_REPLY.policy, Buffer.from('no TLS here')))
    for (;;) heard.push(await client.read(1))
  })
  const { cert } = await certificate()
  await assert.rejects(connectNbd({ host, port: server.port, exportName, tls: { certificate: cert } }), refusedWith('NBD_TLS_REFUSED'))
  assert.equal(Buffer.concat(heard).length, 4 + OPTION_HEADER_LENGTH)
})

test('clear text slipped in before TLS starts is refused', async () => {
  await using server = await scriptNbd(async (client) => {
    await client.write(encodeGreeting(1))
    await client.read(4 + OPTION_HEADER_LENGTH)
    const ack = encodeOptionReply(OPTION.starttls, OPTION_REPLY.ack)
    await client.write(Buffer.concat([ack, encodeExportInfo({ size: SIZE, flags: 3 }, true)]))
    await client.closed
  })
  const { cert } = await certificate()
  await assert.rejects(connectNbd({ host, port: server.port, exportName, tls: { certificate: cert } }), refusedWith('NBD_PROTOCOL'))
})

test('a server that hangs up in the TLS handshake, or talks nonsense in it, is a TLS error', async () => {
  const { cert } = await certificate()
  for (const answered of ['', 'this is not TLS at all, whatever it may be']) {
    await using server = await scriptNbd(async (client) => {
      await agreeToTls(client)
      await client.read(1)
      await client.write(Buffer.from(answered))
    })
    await assert.rejects(connectNbd({ host, port: server.port, exportName, tls: { certificate: cert } }), refusedWith('NBD_TLS_FAILED'))
  }
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a server with another certificate than the pinned one is told nothing over ${version}`, async () => {
    const mine = await certificate()
    const other = await certificate()
    const heard: Buffer[] = []
    const ended = Promise.withResolvers<void>()
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write(encodeGreeting(1))
      socket.once('data', () => {
        socket.removeAllListeners('data')
        socket.write(encodeOptionReply(OPTION.starttls, OPTION_REPLY.ack))
        const secured = new TLSSocket(socket, {
          isServer: true,
          secureContext: createSecureContext({ ...mine, minVersion: version, maxVersion: version }),
        })
        secured.on('error', () => undefined)
        secured.on('data', (chunk) => heard.push(chunk))
        secured.once('close', ended.resolve)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, host, resolve))
    try {
      const bound = server.address()
      const port = bound !== null && typeof bound === 'object' ? bound.port : 0
      await assert.rejects(
        connectNbd({ host, port, exportName, tls: { certificate: other.cert } }),
        refusedWith('NBD_CERTIFICATE_MISMATCH'),
      )
      await ended.promise
      assert.equal(Buffer.concat(heard).length, 0)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
}

test('what is no certificate can not be pinned', async () => {
  await assert.rejects(connectNbd({ host, port: 1, exportName, tls: { certificate: 'nonsense' } }), refusedWith('NBD_CERTIFICATE_INVALID'))
})

test('a port where nobody listens is told from a server that refuses', async () => {
  const port = await scriptNbd((client) => client.closed).then(async (server) => {
    await server[Symbol.asyncDispose]()
    return server.port
  })
  await assert.rejects(connectNbd({ host, port, exportName }), refusedWith('NBD_CONNECT_FAILED'))
  await assert.rejects(connectNbd({ socketPath: '/nowhere/at/all.sock', exportName }), refusedWith('NBD_CONNECT_FAILED'))
})

test('aborting rejects what is pending with the reason, while connecting and while reading', async () => {
  const reason = new Error('enough')
  const early = new AbortController()
  await using silent = await scriptNbd((client) => client.closed)
  const connecting = connectNbd({ host, port: silent.port, exportName, signal: early.signal })
  early.abort(reason)
  await assert.rejects(connecting, reason)
  await assert.rejects(connectNbd({ host, port: silent.port, exportName, signal: early.signal }), reason)

  const late = new AbortController()
  await using server = await scriptNbd(async (client) => {
    await greetInClear(client, SIZE)
    await client.closed
  })
  const connection = await connectNbd({ host, port: server.port, exportName, signal: late.signal })
  const read = connection.read(0, 512)
  late.abort(reason)
  await assert.rejects(read, reason)
  await connection.close()
})

test('closing says goodbye and waits for the server to hang up', async () => {
  const order: string[] = []
  await using server = await scriptNbd(async (client) => {
    await greetInClear(client, SIZE)
    const first = await client.read(REQUEST_LENGTH)
    assert.equal(first.readUInt16BE(6), 2)
    // What a XAPI host does here: it detaches the disk.
    await delay(50)
    order.push('server')
  })
  const connection = await connectNbd({ host, port: server.port, exportName })
  await connection.close()
  order.push('client')
  assert.deepEqual(order, ['server', 'client'])
  await connection.close()
  await assert.rejects(connection.read(0, 512), refusedWith('NBD_CLOSED'))
})
