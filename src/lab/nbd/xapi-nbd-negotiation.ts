/** How xapi-nbd negotiates (xapi-project/nbd `lib/server.ml`): EXPORT_NAME, LIST, ABORT and STARTTLS are all it knows. */
import { decodeOptionHeader, encodeGreeting, encodeOptionReply } from '../../nbd/handshake.ts'
import { FLAG_FIXED_NEWSTYLE, OPTION, OPTION_HEADER_LENGTH, OPTION_REPLY } from '../../nbd/protocol.ts'
import type { ClientSocket } from './client-socket.ts'

/** The real one takes any length for an option; no client of good will sends so much. */
const MOST_OPTION_BYTES = 64 * 1024

interface AskedOption {
  readonly option: number
  readonly payload: Buffer
}

/**
 * Negotiates until the client chose an export, and returns its name; undefined: hang up. With a certificate TLS is forced: no
 * other option is answered before it, and a client that names its export in clear text is hung up on.
 */
export async function negotiate(
  client: ClientSocket,
  certificate: { readonly cert: string; readonly key: string } | undefined,
): Promise<string | undefined> {
  await client.write(encodeGreeting(FLAG_FIXED_NEWSTYLE))
  const clientFlags = (await client.read(4)).readUInt32BE(0)
  if (certificate !== undefined) {
    if ((clientFlags & FLAG_FIXED_NEWSTYLE) === 0) return undefined
    if (!(await agreeOnTls(client))) return undefined
    await client.secure(certificate)
  }
  for (;;) {
    const asked = await nextOption(client)
    if (asked === undefined) return undefined
    const { option, payload } = asked
    switch (option) {
      case OPTION.exportName:
        return payload.toString('utf8')
      case OPTION.abort:
        await client.write(encodeOptionReply(option, OPTION_REPLY.ack))
        return undefined
      case OPTION.starttls:
        await client.write(encodeOptionReply(option, client.secured ? OPTION_REPLY.invalid : OPTION_REPLY.policy))
        break
      case OPTION.list:
        // Nothing is advertised: names hold sessions.
        await client.write(encodeOptionReply(option, OPTION_REPLY.policy))
        break
      default:
        await client.write(encodeOptionReply(option, OPTION_REPLY.unsupported))
    }
  }
}

/** Answers in clear text until TLS is agreed on; false: hang up. */
async function agreeOnTls(client: ClientSocket): Promise<boolean> {
  for (;;) {
    const asked = await nextOption(client)
    if (asked === undefined || asked.option === OPTION.exportName || asked.option === OPTION.abort) return false
    if (asked.option === OPTION.starttls) {
      await client.write(encodeOptionReply(asked.option, OPTION_REPLY.ack))
      return true
    }
    await client.write(encodeOptionReply(asked.option, OPTION_REPLY.tlsRequired))
  }
}

async function nextOption(client: ClientSocket): Promise<AskedOption | undefined> {
  const { option, length } = decodeOptionHeader(await client.read(OPTION_HEADER_LENGTH))
  if (length > MOST_OPTION_BYTES) return undefined
  return { option, payload: await client.read(length) }
}
