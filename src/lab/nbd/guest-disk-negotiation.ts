/** Negotiation of a guest's disk: fixed newstyle without TLS or structured replies, one export without a name. */
import { decodeOptionHeader, encodeExportInfo, encodeGreeting, encodeOptionReply } from '../../nbd/handshake.ts'
import {
  EXPORT_FLAG,
  FLAG_FIXED_NEWSTYLE,
  FLAG_NO_ZEROES,
  INFO,
  MAX_EXPORT_NAME,
  OPTION,
  OPTION_HEADER_LENGTH,
  OPTION_REPLY,
} from '../../nbd/protocol.ts'
import type { ClientSocket } from './client-socket.ts'
import { MOST_GUEST_BYTES } from './guest-disk-requests.ts'

/** A name, and as many information requests as there are kinds a few times over. */
const MOST_OPTION_BYTES = MAX_EXPORT_NAME + 1024

const FLAGS =
  EXPORT_FLAG.hasFlags |
  EXPORT_FLAG.sendFlush |
  EXPORT_FLAG.sendFua |
  EXPORT_FLAG.sendTrim |
  EXPORT_FLAG.sendWriteZeroes |
  EXPORT_FLAG.canMultiConn

export interface OfferedDisk {
  /** Bytes; throws when there is no disk to offer just now. */
  readonly size: () => number
  readonly writable: boolean
}

/** Negotiates until the client takes the disk; returns the size it was told. Undefined: hang up. */
export async function negotiateGuestDisk(client: ClientSocket, offered: OfferedDisk): Promise<number | undefined> {
  await client.write(encodeGreeting(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES))
  const noZeroes = ((await client.read(4)).readUInt32BE(0) & FLAG_NO_ZEROES) !== 0
  const flags = offered.writable ? FLAGS : FLAGS | EXPORT_FLAG.readOnly
  for (;;) {
    const { option, length } = decodeOptionHeader(await client.read(OPTION_HEADER_LENGTH))
    if (length > MOST_OPTION_BYTES) return undefined
    const payload = await client.read(length)
    const reply = (kind: number, data?: Buffer) => client.write(encodeOptionReply(option, kind, data))
    switch (option) {
      case OPTION.exportName: {
        if (payload.length > 0) return undefined
        const size = offered.size()
        await client.write(encodeExportInfo({ size, flags }, !noZeroes))
        return size
      }
      case OPTION.info:
      case OPTION.go: {
        const name = nameAsked(payload)
        const size = sizeNow(offered)
        if (name === undefined) {
          await reply(OPTION_REPLY.invalid)
        } else if (name.length > 0 || size === undefined) {
          await reply(OPTION_REPLY.unknown, Buffer.from(size === undefined ? 'the disk is not there' : 'the export has no name'))
        } else {
          await reply(OPTION_REPLY.info, exportInfo(size, flags))
          await reply(OPTION_REPLY.info, blockSizes())
          await reply(OPTION_REPLY.ack)
          if (option === OPTION.go) return size
        }
        break
      }
      case OPTION.list:
        if (payload.length > 0) {
          await reply(OPTION_REPLY.invalid)
        } else {
          // One export; its name is of length 0.
          await reply(OPTION_REPLY.server, Buffer.alloc(4))
          await reply(OPTION_REPLY.ack)
        }
        break
      case OPTION.abort:
        await reply(OPTION_REPLY.ack)
        return undefined
      default:
        await reply(OPTION_REPLY.unsupported)
    }
  }
}

function sizeNow(offered: OfferedDisk): number | undefined {
  try {
    return offered.size()
  } catch {
    return undefined
  }
}

/** The name in an INFO or GO: its length, itself, then the number of information requests and those. Undefined: malformed. */
function nameAsked(payload: Buffer): Buffer | undefined {
  if (payload.length < 6) return undefined
  const length = payload.readUInt32BE(0)
  if (length > payload.length - 6) return undefined
  const requests = payload.readUInt16BE(4 + length)
  return payload.length === 6 + length + 2 * requests ? payload.subarray(4, 4 + length) : undefined
}

function exportInfo(size: number, flags: number): Buffer {
  const kind = Buffer.alloc(2)
  kind.writeUInt16BE(INFO.exportInfo)
  return Buffer.concat([kind, encodeExportInfo({ size, flags }, false)])
}

/** Any byte may be addressed; whole pages are served best. */
function blockSizes(): Buffer {
  const bytes = Buffer.alloc(14)
  bytes.writeUInt16BE(INFO.blockSize, 0)
  bytes.writeUInt32BE(1, 2)
  bytes.writeUInt32BE(4096, 6)
  bytes.writeUInt32BE(MOST_GUEST_BYTES, 10)
  return bytes
}
