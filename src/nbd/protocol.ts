/**
 * The numbers of the NBD protocol that this project speaks: fixed newstyle negotiation and simple replies. From the protocol's
 * public description (`doc/proto.md` of NetworkBlockDevice/nbd). All integers on the wire are big endian.
 */

/** `NBDMAGIC`, then `IHAVEOPT`: the first sixteen bytes of a newstyle server. */
export const GREETING_MAGIC = 0x4e42444d41474943n
export const OPTION_MAGIC = 0x49484156454f5054n
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n
export const REQUEST_MAGIC = 0x25609513
export const SIMPLE_REPLY_MAGIC = 0x67446698
/** What a server sends in place of IHAVEOPT when it speaks the abandoned oldstyle negotiation. */
export const OLDSTYLE_MAGIC = 0x00420281861253n

export const GREETING_LENGTH = 18
export const OPTION_HEADER_LENGTH = 16
export const OPTION_REPLY_HEADER_LENGTH = 20
export const REQUEST_LENGTH = 28
export const SIMPLE_REPLY_LENGTH = 16
/** Zeroes after the export's size and flags, unless both sides agreed on NO_ZEROES. */
export const EXPORT_PADDING = 124

/** Global flags of the server, and the same bits for the client's answer. */
export const FLAG_FIXED_NEWSTYLE = 1
export const FLAG_NO_ZEROES = 2

export const OPTION = {
  exportName: 1,
  abort: 2,
  list: 3,
  starttls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
} as const

export const OPTION_REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
  tooBig: 0x80000009,
} as const

/** Kinds of information in an INFO or GO reply. */
export const INFO = { exportInfo: 0, name: 1, description: 2, blockSize: 3 } as const

/** Transmission flags of an export. */
export const EXPORT_FLAG = {
  hasFlags: 1 << 0,
  readOnly: 1 << 1,
  sendFlush: 1 << 2,
  sendFua: 1 << 3,
  sendTrim: 1 << 5,
  sendWriteZeroes: 1 << 6,
  canMultiConn: 1 << 8,
} as const

export const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, writeZeroes: 6 } as const

/** Flags of a request. */
export const COMMAND_FLAG_FUA = 1
export const COMMAND_FLAG_NO_HOLE = 2

/** Error numbers of replies (fixed by the protocol, whatever the server's system calls them). */
export const ERRNO = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const

export type ErrnoName = keyof typeof ERRNO

/** Name of a reply's error number; `E<number>` when the protocol has no name for it. */
export function errnoName(number: number): string {
  for (const [name, value] of Object.entries(ERRNO)) if (value === number) return name
  return `E${number}`
}

/** Longest name of an export that the protocol allows, in bytes. */
export const MAX_EXPORT_NAME = 4096
