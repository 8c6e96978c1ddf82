import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { createSecureContext, TLSSocket as Socket, type TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { ClientSocket } from '../lab/nbd/client-socket.ts'
import { connectNbd } from './connect.ts'
import { encodeExportInfo, encodeGreeting, encodeOptionReply } from './handshake.ts'
import { OPTION, OPTION_HEADER_LENGTH, OPTION_REPLY, REQUEST_LENGTH } from './protocol.ts'
import { readInto } from './read-into.ts'
import { decodeRequest, encodeSimpleReply } from './transmission.ts'

const LENGTH = 1024 * 1024

/** A TLS server of one export full of 0x5a; reads a megabyte of it with `connectNbd`. */
async function readOverTls(): Promise<Buffer> {
  const made = await generate([{ name: 'commonName', value: 'host' }], { keySize: 2048 })
  const server = createServer(async (socket) => {
    const client = new ClientSocket(socket)
    await client.write(encodeGreeting(1))
    await client.read(4 + OPTION_HEADER_LENGTH)
    await client.write(encodeOptionReply(OPTION.starttls, OPTION_REPLY.ack))
    await client.secure({ cert: made.cert, key: made.private })
    await client.read(OPTION_HEADER_LENGTH)
    await client.write(encodeExportInfo({ size: LENGTH, flags: 3 }, true))
    const { cookie } = decodeRequest(await client.read(REQUEST_LENGTH))
    await client.write(Buffer.concat([encodeSimpleReply(cookie, 0), Buffer.alloc(LENGTH, 0x5a)]))
    await client.read(REQUEST_LENGTH)
    client.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0
  const connection = await connectNbd({ host: '127.0.0.1', port, exportName: '', tls: { certificate: made.cert } })
  const data = await connection.read(0, LENGTH)
  await connection.close()
  await new Promise((resolve) => server.close(resolve))
  return data
}

/** A TLS socket that is connected to nothing. */
function idleSocket(): TLSSocket {
  return new Socket(undefined as never, { secureContext: createSecureContext() })
}

test('this version of Node lets TLS sockets read into memory of ours', () => {
  const socket = idleSocket()
  assert.equal(readInto(socket, { buffer: () => Buffer.alloc(10), callback: () => true }), true)
  assert.equal(readInto(socket, { buffer: () => Buffer.alloc(10), callback: () => true }), false, 'a second time')
  socket.destroy()
})

test('with other internals nothing is touched, and TLS connections read all the same', async () => {
  const socket = idleSocket()
  const handle = (socket as unknown as { _handle: object })._handle
  const prototype: { useUserBuffer?: unknown } = Object.getPrototypeOf(handle)
  // Hides the method that is inherited, for all TLS sockets.
  prototype.useUserBuffer = undefined
  try {
    assert.equal(readInto(socket, { buffer: () => assert.fail('asked for memory'), callback: () => true }), false)
    assert.ok((await readOverTls()).equals(Buffer.alloc(LENGTH, 0x5a)))
  } finally {
    delete prototype.useUserBuffer
    socket.destroy()
  }
  assert.ok((await readOverTls()).equals(Buffer.alloc(LENGTH, 0x5a)))
})
