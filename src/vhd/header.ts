/** The header of dynamic and differencing VHDs: 1024 bytes, big-endian, from the specification ("Dynamic Disk Header Format"). */
import { VhdError } from './error.ts'
import { checksumOf, exactUInt64, SECTOR, uuidAt, uuidBytes, vhdSeconds } from './footer.ts'

export const HEADER_BYTES = 1024
export const DEFAULT_BLOCK_SIZE = 2 << 20
const NAME_AT = 64
const NAME_BYTES = 512
const LOCATORS_AT = 576
const NO_UUID = '00000000-0000-0000-0000-000000000000'

export interface VhdHeader {
  /** Byte offset of the block table. */
  readonly tableOffset: number
  /** Entries that the table has; may be more than the disk needs. */
  readonly tableEntries: number
  /** Bytes of data in a block: a power of two, at least a sector. */
  readonly blockSize: number
  /** The uuid of the parent's footer; undefined when it is all zeros. */
  readonly parentUuid: string | undefined
  readonly parentName: string
}

/**
 * Reads a header of 1024 bytes. Throws VhdError `bad-header`, at `offset`, for a bad cookie, version, checksum or a block size
 * that isn't a power of two of at least 512 bytes.
 */
export function decodeHeader(bytes: Buffer, offset = 0): VhdHeader {
  const bad = (what: string) => new VhdError('bad-header', offset, what)
  if (bytes.length !== HEADER_BYTES) throw bad('a header has 1024 bytes')
  if (bytes.toString('latin1', 0, 8) !== 'cxsparse') throw bad('no header where one is due')
  if (bytes.readUInt32BE(36) !== checksumOf(bytes, 36)) throw bad('the checksum of the header is wrong')
  if (bytes.readUInt32BE(24) >>> 16 !== 1) throw bad('unknown version of the header')
  const blockSize = bytes.readUInt32BE(32)
  if (blockSize < SECTOR || !Number.isInteger(Math.log2(blockSize))) throw bad(`a block size of ${blockSize} bytes is not possible`)
  const tableOffset = exactUInt64(bytes, 16)
  if (tableOffset === undefined) throw bad('the place of the block table makes no sense')
  const parentUuid = uuidAt(bytes, 40)
  return {
    tableOffset,
    tableEntries: bytes.readUInt32BE(28),
    blockSize,
    parentUuid: parentUuid === NO_UUID ? undefined : parentUuid,
    parentName: decodeName(bytes.subarray(NAME_AT, NAME_AT + NAME_BYTES)),
  }
}

/** The name is UTF-16, most significant byte first, up to a zero. */
function decodeName(bytes: Buffer): string {
  const swapped = Buffer.from(bytes).swap16()
  const text = swapped.toString('utf16le')
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

export interface VhdParent {
  /** The uuid in the footer of the parent. */
  readonly uuid: string
  /** A name or path for humans; cut to what fits (255 UTF-16 units). */
  readonly name?: string
  /** When the parent was last written. */
  readonly modified?: Date
  /**
   * Puts one locator into the header, a `file://` URL of the name said to be at byte 1536, whose data is not in the stream:
   * what XAPI's exports look like (xen-api ocaml/libs/vhd/vhd_format/f.ml). Default: no locator.
   */
  readonly locator?: boolean
}

export interface HeaderFields {
  readonly tableOffset: number
  readonly tableEntries: number
  readonly blockSize: number
  readonly parent?: VhdParent | undefined
}

export function encodeHeader(fields: HeaderFields): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.write('cxsparse', 0, 'latin1')
  bytes.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 8)
  bytes.writeBigUInt64BE(BigInt(fields.tableOffset), 16)
  bytes.writeUInt32BE(0x0001_0000, 24)
  bytes.writeUInt32BE(fields.tableEntries, 28)
  bytes.writeUInt32BE(fields.blockSize, 32)
  if (fields.parent) writeParent(bytes, fields.parent)
  bytes.writeUInt32BE(checksumOf(bytes, 36), 36)
  return bytes
}

function writeParent(bytes: Buffer, parent: VhdParent): void {
  const name = (parent.name ?? '').slice(0, NAME_BYTES / 2 - 1)
  uuidBytes(parent.uuid).copy(bytes, 40)
  if (parent.modified) bytes.writeUInt32BE(vhdSeconds(parent.modified), 56)
  Buffer.from(name, 'utf16le').swap16().copy(bytes, NAME_AT)
  if (!parent.locator) return
  bytes.write('MacX', LOCATORS_AT, 'latin1')
  bytes.writeUInt32BE(1, LOCATORS_AT + 4)
  bytes.writeUInt32BE(Buffer.byteLength(`file://${name}`), LOCATORS_AT + 8)
  bytes.writeBigUInt64BE(1536n, LOCATORS_AT + 16)
}
