import { BLOCK } from './chain/sector-bits.ts'
import { backendFailure } from './failures.ts'
import { type ImageFormat, LARGEST } from './image-formats.ts'

/** What a block costs in a VHD file: its data, its sector bitmap and the gap that aligns it to a page. */
export const BLOCK_COST = BLOCK + 4096

const MiB = 2 ** 20
/** Sizes are rounded up to a block of the format: sm libs/sm/vhdutil.py; validateAndRoundImageSize in xcp-ng/sm drivers/qcow2util.py. */
const ROUNDED_TO: Readonly<Record<ImageFormat, number>> = { vhd: BLOCK, qcow2: 64 * 1024, raw: 512 }

/** The size that a disk asked for gets. SR_BACKEND_FAILURE_79 for one that the format can't have. */
export function roundedSize(size: number, format: ImageFormat = 'vhd'): number {
  if (!Number.isSafeInteger(size) || size < 0 || size > LARGEST[format]) {
    throw backendFailure(79, 'VDI Invalid size', `VDI size must be between 1 MB and ${LARGEST[format] / MiB} MB`)
  }
  return Math.max(ROUNDED_TO[format], Math.ceil(size / ROUNDED_TO[format]) * ROUNDED_TO[format])
}

/** Bytes that an image of so many blocks of 2 MiB takes in a file system. */
export function imageFileSize(format: ImageFormat, size: number, heldBlocks: number): number {
  if (format === 'raw') return size
  return format === 'vhd' ? vhdFileSize(size, heldBlocks) : qcow2Overhead(size) + heldBlocks * BLOCK
}

/** Bytes of a VHD file that holds so many blocks: footer, its copy, header, parent locators, block table, batmap, blocks. */
export function vhdFileSize(size: number, heldBlocks: number): number {
  return vhdOverhead(size) + 512 + heldBlocks * BLOCK_COST
}

/** calcOverheadEmpty of sm libs/sm/vhdutil.py. */
function vhdOverhead(size: number): number {
  const entries = Math.ceil(size / BLOCK)
  const table = Math.ceil((3 * 1024 + entries * 4) / 512) * 512
  return Math.ceil((table + entries / 8) / 4096) * 4096
}

/** Header, L1 and L2 tables: calcOverheadEmpty of xcp-ng/sm drivers/qcow2util.py. */
function qcow2Overhead(size: number): number {
  const cluster = 64 * 1024
  return Math.ceil((2 * cluster + (size * 8) / cluster) / cluster) * cluster
}

/** LVM gives space in extents of this size. */
export const EXTENT = 4 * MiB
/** Volumes have room for the tables of the largest VHD, so that a disk grows without being rewritten (MSIZE in sm libs/sm/lvhdutil.py). */
const TABLES_FOR = 2 * 2 ** 40

const inExtents = (bytes: number) => Math.ceil(bytes / EXTENT) * EXTENT

const tables = (format: ImageFormat, size: number) => (format === 'vhd' ? vhdOverhead(TABLES_FOR) : qcow2Overhead(size))

/** Size of the logical volume of a disk that can be written: calcSizeVHDLV of sm libs/sm/lvhdutil.py. */
export function fullVolumeSize(format: ImageFormat, size: number): number {
  const bitmaps = format === 'vhd' ? Math.ceil(size / BLOCK) * 4096 : 0
  return inExtents(size + tables(format, size) + bitmaps)
}

/** Size of the logical volume of a base copy or a snapshot: no larger than what it holds (`deflate`, and `thinpr` of LVHDVDI._snapshot). */
export function deflatedVolumeSize(format: ImageFormat, size: number, heldBlocks: number): number {
  return inExtents(tables(format, size) + 512 + heldBlocks * (format === 'vhd' ? BLOCK_COST : BLOCK))
}
