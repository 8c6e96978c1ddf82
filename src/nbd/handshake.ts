/**
 * Codec of the negotiation, both directions: bytes to values and back. The client reads with `decodeGreeting`,
 * `decodeOptionReplyHeader` and `decodeExportInfo`; the lab's servers write what these read.
 */
import { NbdError } from './nbd-error.ts'
import {
  EXPORT_FLAG,
  EXPORT_PADDING,
  GREETING_LENGTH,
  GREETING_MAGIC,
  MAX_EXPORT_NAME,
  OLDSTYLE_MAGIC,
  OPTION_HEADER_LENGTH,
  OPTION_MAGIC,
  OPTION_REPLY_HEADER_LENGTH,
  OPTION_REPLY_MAGIC,
} from './protocol.ts'

/** Longest payload of an option reply that is read at all; names and texts are far shorter. */
const MAX_OPTION_REPLY = 64 * 1024

export interface ExportInfo {
  /** Bytes. */
  readonly size: number
  /** Bits of `EXPORT_FLAG`. */
  readonly flags: number
}

/** The server's flags from its first 18 bytes. NBD_PROTOCOL when it is not a newstyle server. */
export function decodeGreeting(bytes: Buffer): number {
  if (bytes.readBigUInt64BE(0) !== GREETING_MAGIC) throw new NbdError('NBD_PROTOCOL', 'the other side is not an NBD server')
  const style = bytes.readBigUInt64BE(8)
  if (style === OLDSTYLE_MAGIC) throw new NbdError('NBD_PROTOCOL', 'the server speaks only the oldstyle negotiation')
  if (style !== OPTION_MAGIC) throw new NbdError('NBD_PROTOCOL', 'the server sent an unknown greeting')
  return bytes.readUInt16BE(16)
}

export function encodeGreeting(flags: number): Buffer {
  const bytes = Buffer.alloc(GREETING_LENGTH)
  bytes.writeBigUInt64BE(GREETING_MAGIC, 0)
  bytes.writeBigUInt64BE(OPTION_MAGIC, 8)
  bytes.writeUInt16BE(flags, 16)
  return bytes
}

export function encodeClientFlags(flags: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(flags)
  return bytes
}

export function encodeOption(option: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(OPTION_HEADER_LENGTH)
  header.writeBigUInt64BE(OPTION_MAGIC, 0)
  header.writeUInt32BE(option, 8)
  header.writeUInt32BE(payload.length, 12)
  return Buffer.concat([header, payload])
}

/** An export's name as the payload of EXPORT_NAME. NBD_OUT_OF_RANGE when it is longer than the protocol allows. */
export function encodeExportName(exportName: string): Buffer {
  const bytes = Buffer.from(exportName, 'utf8')
  if (bytes.length > MAX_EXPORT_NAME) {
    throw new NbdError('NBD_OUT_OF_RANGE', `the export's name is ${bytes.length} bytes long; at most ${MAX_EXPORT_NAME} are allowed`)
  }
  return bytes
}

/** Option and length of its payload, from a client's 16 bytes. NBD_PROTOCOL when the magic is wrong. */
export function decodeOptionHeader(bytes: Buffer): { readonly option: number; readonly length: number } {
  if (bytes.readBigUInt64BE(0) !== OPTION_MAGIC) throw new NbdError('NBD_PROTOCOL', 'an option without the magic number')
  return { option: bytes.readUInt32BE(8), length: bytes.readUInt32BE(12) }
}

export function encodeOptionReply(option: number, reply: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(OPTION_REPLY_HEADER_LENGTH)
  header.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0)
  header.writeUInt32BE(option, 8)
  header.writeUInt32BE(reply, 12)
  header.writeUInt32BE(payload.length, 16)
  return Buffer.concat([header, payload])
}

/** What a server answers to `option`, from its 20 bytes, and how many bytes of payload follow (capped). */
export function decodeOptionReplyHeader(bytes: Buffer, option: number): { readonly reply: number; readonly length: number } {
  if (bytes.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC) throw new NbdError('NBD_PROTOCOL', 'an option reply without the magic number')
  if (bytes.readUInt32BE(8) !== option) throw new NbdError('NBD_PROTOCOL', 'a reply to an option that was not asked')
  const length = bytes.readUInt32BE(16)
  if (length > MAX_OPTION_REPLY) throw new NbdError('NBD_PROTOCOL', `an option reply of ${length} bytes`)
  return { reply: bytes.readUInt32BE(12), length }
}

/** Size and flags from the ten bytes that answer EXPORT_NAME. NBD_PROTOCOL when the size is not an exact number here. */
export function decodeExportInfo(bytes: Buffer): ExportInfo {
  const size = bytes.readBigUInt64BE(0)
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new NbdError('NBD_PROTOCOL', `the server claims a size of ${size} bytes`)
  const flags = bytes.readUInt16BE(8)
  if ((flags & EXPORT_FLAG.hasFlags) === 0) throw new NbdError('NBD_PROTOCOL', "the export's flags lack HAS_FLAGS")
  return { size: Number(size), flags }
}

/** The answer to EXPORT_NAME. */
export function encodeExportInfo({ size, flags }: ExportInfo, padding: boolean): Buffer {
  const bytes = Buffer.alloc(10 + (padding ? EXPORT_PADDING : 0))
  bytes.writeBigUInt64BE(BigInt(size), 0)
  bytes.writeUInt16BE(flags, 8)
  return bytes
}
