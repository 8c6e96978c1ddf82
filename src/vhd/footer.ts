/**
 * The footer of a VHD: 512 bytes at the end of every VHD and, as a copy, at the start of dynamic and differencing ones.
 * Layout, checksum and geometry from the "Virtual Hard Disk Image Format Specification" 1.0 (Microsoft, 2006). Big-endian.
 */
import { randomUUID } from 'node:crypto'
import { VhdError, type VhdErrorCode } from './error.ts'

export const SECTOR = 512
export const FOOTER_BYTES = 512
/** Seconds between the Unix epoch and the epoch of VHD (2000-01-01T00:00:00Z). */
const VHD_EPOCH = 946_684_800

export type VhdKind = 'fixed' | 'dynamic' | 'differencing'

const TYPES: Readonly<Record<VhdKind, number>> = { fixed: 2, dynamic: 3, differencing: 4 }

export interface VhdFooter {
  readonly kind: VhdKind
  /** Size of the disk as its guest sees it, in bytes: a multiple of 512. */
  readonly size: number
  /** Size when it was created, in bytes. */
  readonly originalSize: number
  /** Identity of this disk, which a child names as its parent: lower case, with hyphens. */
  readonly uuid: string
  /** Byte offset of the header; undefined for a fixed disk. */
  readonly headerOffset: number | undefined
  /** Four characters naming the program that made it. */
  readonly creator: string
  readonly created: Date
}

export interface Geometry {
  readonly cylinders: number
  readonly heads: number
  readonly sectorsPerTrack: number
}

/** Cylinders, heads and sectors for a size in bytes, as the appendix "CHS Calculation" of the specification has it. */
export function geometryOf(size: number): Geometry {
  const sectors = Math.min(Math.floor(size / SECTOR), 65535 * 16 * 255)
  if (sectors >= 65535 * 16 * 63) return { cylinders: Math.floor(Math.floor(sectors / 255) / 16), heads: 16, sectorsPerTrack: 255 }
  let sectorsPerTrack = 17
  let tracks = Math.floor(sectors / 17)
  let heads = Math.max(4, Math.floor((tracks + 1023) / 1024))
  if (tracks >= heads * 1024 || heads > 16) {
    sectorsPerTrack = 31
    heads = 16
    tracks = Math.floor(sectors / 31)
  }
  if (tracks >= heads * 1024) {
    sectorsPerTrack = 63
    tracks = Math.floor(sectors / 63)
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectorsPerTrack }
}

/** One's complement of the sum of all bytes, those of the checksum field itself (4 bytes at `field`) left out. */
export function checksumOf(bytes: Buffer, field: number): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) if (i < field || i >= field + 4) sum += bytes[i] as number
  return ~sum >>> 0
}

export function uuidAt(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex')
  if (bytes.length !== 16) throw new RangeError('a uuid has 16 bytes')
  return bytes
}

/** Seconds as VHD counts them; dates before its epoch become 0. */
export function vhdSeconds(date: Date): number {
  return Math.min(Math.max(0, Math.floor(date.getTime() / 1000) - VHD_EPOCH), 0xffff_ffff)
}

/** An unsigned 64-bit field as a plain number; undefined where that isn't exact. */
export function exactUInt64(bytes: Buffer, at: number): number | undefined {
  const value = Number(bytes.readBigUInt64BE(at))
  return Number.isSafeInteger(value) ? value : undefined
}

/** Whether the bytes begin like a footer. */
export function looksLikeFooter(bytes: Buffer): boolean {
  return bytes.length >= 8 && bytes.toString('latin1', 0, 8) === 'conectix'
}

/**
 * Reads a footer of 512 bytes; unknown features and creators pass. Throws VhdError with `code`, at `offset`, for a bad cookie,
 * version, checksum, type, or a size that is no multiple of a sector.
 */
export function decodeFooter(bytes: Buffer, offset = 0, code: VhdErrorCode = 'bad-footer'): VhdFooter {
  const bad = (what: string) => new VhdError(code, offset, what)
  if (bytes.length !== FOOTER_BYTES) throw bad('a footer has 512 bytes')
  if (!looksLikeFooter(bytes)) throw bad('no footer where one is due')
  if (bytes.readUInt32BE(64) !== checksumOf(bytes, 64)) throw bad('the checksum of the footer is wrong')
  if (bytes.readUInt32BE(12) >>> 16 !== 1) throw bad('unknown version of the format')
  const type = bytes.readUInt32BE(60)
  const kind = (Object.keys(TYPES) as VhdKind[]).find((name) => TYPES[name] === type)
  if (!kind) throw bad(`unknown disk type ${type}`)
  const size = exactUInt64(bytes, 48)
  const originalSize = exactUInt64(bytes, 40)
  if (size === undefined || originalSize === undefined || size % SECTOR !== 0) throw bad('the size of the disk makes no sense')
  const headerOffset = kind === 'fixed' ? undefined : exactUInt64(bytes, 16)
  if (kind !== 'fixed' && headerOffset === undefined) throw bad('the place of the header makes no sense')
  return {
    kind,
    size,
    originalSize,
    headerOffset,
    uuid: uuidAt(bytes, 68),
    creator: bytes.toString('latin1', 28, 32),
    created: new Date((bytes.readUInt32BE(24) + VHD_EPOCH) * 1000),
  }
}

export interface FooterFields {
  readonly kind: VhdKind
  /** Bytes, a multiple of 512. */
  readonly size: number
  /** Default: a new one. */
  readonly uuid?: string
  /** Default: the epoch of VHD. */
  readonly created?: Date
}

/** Makes a footer; for dynamic and differencing disks the header is said to be at byte 512. */
export function encodeFooter(fields: FooterFields): Buffer {
  const bytes = Buffer.alloc(FOOTER_BYTES)
  const { cylinders, heads, sectorsPerTrack } = geometryOf(fields.size)
  bytes.write('conectix', 0, 'latin1')
  bytes.writeUInt32BE(2, 8) // features: only the bit that is always set
  bytes.writeUInt32BE(0x0001_0000, 12)
  bytes.writeBigUInt64BE(fields.kind === 'fixed' ? 0xffff_ffff_ffff_ffffn : 512n, 16)
  bytes.writeUInt32BE(fields.created ? vhdSeconds(fields.created) : 0, 24)
  // Some readers (QEMU's vpc driver) trust the size only of creators they know and else go by the geometry, which cuts the
  // disk short. This is the creator of the VHDs in the storage repositories that our streams come from and go to.
  bytes.write('tap\0', 28, 'latin1')
  bytes.writeUInt32BE(0x0001_0003, 32)
  bytes.writeBigUInt64BE(BigInt(fields.size), 40)
  bytes.writeBigUInt64BE(BigInt(fields.size), 48)
  bytes.writeUInt16BE(cylinders, 56)
  bytes.writeUInt8(heads, 58)
  bytes.writeUInt8(sectorsPerTrack, 59)
  bytes.writeUInt32BE(TYPES[fields.kind], 60)
  uuidBytes(fields.uuid ?? randomUUID()).copy(bytes, 68)
  bytes.writeUInt32BE(checksumOf(bytes, 64), 64)
  return bytes
}
