/** For tests: an NBD server that does exactly what a script says, right or wrong, to one connection after the other. */
import { createServer } from 'node:net'
import { ClientSocket } from '../../src/lab/nbd/client-socket.ts'
import { decodeOptionHeader, encodeExportInfo, encodeGreeting, encodeOptionReply } from '../../src/nbd/handshake.ts'
import {
  COMMAND,
  EXPORT_FLAG,
  FLAG_FIXED_NEWSTYLE,
  OPTION,
  OPTION_HEADER_LENGTH,
  OPTION_REPLY,
  REQUEST_LENGTH,
} from '../../src/nbd/protocol.ts'
import { decodeRequest, encodeSimpleReply, type ReceivedRequest } from '../../src/nbd/transmission.ts'

export interface ScriptedNbd extends AsyncDisposable {
  readonly port: number
  /** Connections so far. */
  readonly connections: number
}

/** Plays `script` to each connection, numbered from 1; the connection is cut when it returns. */
export async function scriptNbd(script: (client: ClientSocket, number: number) => Promise<void>): Promise<ScriptedNbd> {
  let connections = 0
  const clients = new Set<ClientSocket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const client = new ClientSocket(socket)
    clients.add(client)
    void client.closed.then(() => clients.delete(client))
    script(client, ++connections)
      .catch(() => undefined)
      .finally(() => client.destroy())
  })
  const listening = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const bound = server.address()
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : 0,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      for (const client of clients) client.destroy()
      await closed.promise
    },
  }
}

/** Negotiates in clear text as xapi-nbd does; returns the export's name. */
export async function greetInClear(client: ClientSocket, size: number): Promise<string> {
  await client.write(encodeGreeting(FLAG_FIXED_NEWSTYLE))
  await client.read(4)
  const { length } = decodeOptionHeader(await client.read(OPTION_HEADER_LENGTH))
  const name = (await client.read(length)).toString()
  await client.write(encodeExportInfo({ size, flags: EXPORT_FLAG.hasFlags | EXPORT_FLAG.readOnly }, true))
  return name
}

/** Greets and agrees to STARTTLS, without the handshake. */
export async function agreeToTls(client: ClientSocket): Promise<void> {
  await client.write(encodeGreeting(FLAG_FIXED_NEWSTYLE))
  await client.read(4)
  await client.read(OPTION_HEADER_LENGTH)
  await client.write(encodeOptionReply(OPTION.starttls, OPTION_REPLY.ack))
}

/** The next request; undefined when it is the goodbye. */
export async function nextRead(client: ClientSocket): Promise<ReceivedRequest | undefined> {
  const request = decodeRequest(await client.read(REQUEST_LENGTH))
  return request.command === COMMAND.disconnect ? undefined : request
}

/** Answers a read with the right bytes of `patternAt`. */
export async function answer(client: ClientSocket, { cookie, offset, length }: ReceivedRequest): Promise<void> {
  await client.write(Buffer.concat([encodeSimpleReply(cookie, 0), patternAt(Number(offset), length)]))
}

/** What lies at `offset`: every eight bytes hold their own offset, big endian, as nbdkit's pattern plugin has it. */
export function patternAt(offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 8) bytes.writeBigUInt64BE(BigInt(offset + at), at)
  return bytes
}

/** Serves right until the goodbye. */
export async function serveRight(client: ClientSocket): Promise<void> {
  for (let request = await nextRead(client); request !== undefined; request = await nextRead(client)) await answer(client, request)
}
