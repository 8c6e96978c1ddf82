/**
 * The header of a qcow2 image, versions 2 and 3 (QEMU's docs/interop/qcow2.txt gives the fields and the feature bits). What the
 * lab doesn't read is refused here, before anything of the disk is touched.
 */
import { ImageError } from './image.ts'

export const qcow2Magic = Buffer.from('QFI\xfb', 'latin1')
/** Bytes of the file that the header's fields are in. */
export const qcow2HeaderSize = 112

export interface Qcow2Header {
  readonly version: 2 | 3
  readonly clusterBits: number
  readonly size: number
  readonly l1Offset: number
  readonly l1Entries: number
  readonly compression: 'zlib' | 'zstd'
}

/** An L1 table above this is no honest image: 32 MiB of it address 2 PiB at the usual cluster size (QEMU's own limit as well). */
const l1Limit = 32 * 1024 * 1024
/** Disks of a pool end at 2040 GiB; an image says its true size, and the SR refuses what it can't hold. */
const sizeLimit = 2 ** 50

const incompatible = { dirty: 1n << 0n, corrupt: 1n << 1n, externalData: 1n << 2n, compression: 1n << 3n, extendedL2: 1n << 4n }

/** Reads the first `qcow2HeaderSize` bytes of the file (zeroes where it is shorter). ImageError says what the lab can't read. */
export function parseQcow2Header(bytes: Buffer): Qcow2Header {
  const version = bytes.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw new ImageError(`qcow2 version ${version} is not known (2 and 3 are)`)
  if (bytes.readBigUInt64BE(8) !== 0n) {
    throw new ImageError('this qcow2 image has a backing file; flatten it first (qemu-img convert -O qcow2 IN OUT)')
  }
  if (bytes.readUInt32BE(32) !== 0) throw new ImageError('this qcow2 image is encrypted')
  const features = version === 3 ? bytes.readBigUInt64BE(72) : 0n
  if (features & incompatible.externalData) throw new ImageError('this qcow2 image keeps its data in another file (external data file)')
  if (features & incompatible.extendedL2)
    throw new ImageError('this qcow2 image has extended L2 entries (subclusters), which the lab does not read')
  if (features & incompatible.corrupt) throw new ImageError('this qcow2 image is marked corrupt; repair it first (qemu-img check -r all)')
  const known = Object.values(incompatible).reduce((sum, bit) => sum | bit, 0n)
  if (features & ~known) throw new ImageError('this qcow2 image needs a feature that the lab does not know')

  const clusterBits = bytes.readUInt32BE(20)
  if (clusterBits < 9 || clusterBits > 21) throw new ImageError(`broken qcow2 header: cluster size 2^${clusterBits}`)
  const size = exact(bytes.readBigUInt64BE(24), 'size')
  if (size > sizeLimit) throw new ImageError('broken qcow2 header: the size is above 1 PiB')
  const l1Entries = bytes.readUInt32BE(36)
  const l1Offset = exact(bytes.readBigUInt64BE(40), 'L1 table')
  if (l1Entries * 8 > l1Limit) throw new ImageError('broken qcow2 header: the L1 table is too large')
  const bytesPerL1Entry = 2 ** (2 * clusterBits - 3)
  if (l1Entries < Math.ceil(size / bytesPerL1Entry)) throw new ImageError('broken qcow2 header: the L1 table is too small for the disk')
  return { version, clusterBits, size, l1Offset, l1Entries, compression: compressionOf(bytes, version, features) }
}

function compressionOf(bytes: Buffer, version: number, features: bigint): 'zlib' | 'zstd' {
  const headerLength = version === 3 ? bytes.readUInt32BE(100) : 72
  const type = features & incompatible.compression && headerLength > 104 ? bytes.readUInt8(104) : 0
  if (type === 0) return 'zlib'
  if (type === 1) return 'zstd'
  throw new ImageError(`this qcow2 image is compressed in a way the lab does not know (type ${type})`)
}

function exact(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ImageError(`broken qcow2 header: ${what}`)
  return Number(value)
}
