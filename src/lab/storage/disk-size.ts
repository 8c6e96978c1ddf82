import { BLOCK } from './chain/sector-bits.ts'
import { backendFailure } from './failures.ts'

/** Largest VHD: 2040 GiB; sizes are rounded up to the 2 MiB of a block (sm libs/sm/vhdutil.py). */
export const MAX_DISK_SIZE = 2040 * 2 ** 30
/** What a block costs in a VHD file: its data, its sector bitmap and the gap that aligns it to a page. */
export const BLOCK_COST = BLOCK + 4096

export function roundedSize(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_DISK_SIZE) {
    throw backendFailure(79, 'VDI Invalid size', `VDI size must be between 1 MB and ${MAX_DISK_SIZE / 2 ** 20} MB`)
  }
  return Math.max(BLOCK, Math.ceil(size / BLOCK) * BLOCK)
}

/** Bytes of a VHD file that holds so many blocks: footer, its copy, header, parent locators, block table, batmap, blocks. */
export function vhdFileSize(size: number, heldBlocks: number): number {
  const entries = Math.ceil(size / BLOCK)
  const table = Math.ceil((3 * 1024 + entries * 4) / 512) * 512
  return Math.ceil((table + entries / 8) / 4096) * 4096 + 512 + heldBlocks * BLOCK_COST
}
