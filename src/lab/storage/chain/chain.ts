import type { Extent } from '../../../block/block.ts'
import { ABSENT, type ChainNode, FULL, ZERO } from './node.ts'
import { BITMAP_BYTES, BLOCK, isSet, runEnd, SECTOR, SECTORS_PER_BLOCK } from './sector-bits.ts'

/** Nodes from the leaf to the root. What no node holds is zero. Offsets and lengths are multiples of 512. */
export type Chain = readonly ChainNode[]

/** Granule in which `extents` tells what may hold data. */
const GRANULE = 64 * 1024
const BLOCKS_AT_ONCE = 4096
const ZEROES = Buffer.alloc(64 * 1024)

export function readChain(chain: Chain, offset: number, target: Buffer, at: number, length: number): void {
  let done = 0
  while (done < length) {
    const block = Math.floor((offset + done) / BLOCK)
    const inside = offset + done - block * BLOCK
    const count = Math.min(length - done, BLOCK - inside)
    readBlock(chain, 0, block, inside, target, at + done, count)
    done += count
  }
}

/** Reads part of one block: the first node that holds it whole answers with one read; partial ones run by run. */
function readBlock(chain: Chain, first: number, block: number, inside: number, target: Buffer, at: number, length: number): void {
  for (let k = first; k < chain.length; k += 1) {
    const node = chain[k] as ChainNode
    const state = node.state(block)
    if (state === ABSENT) continue
    if (state === FULL) {
      node.readData(block * BLOCK + inside, target, at, length)
      return
    }
    const bits = node.bitmap(block)
    const end = (inside + length) / SECTOR
    for (let sector = inside / SECTOR; sector < end; ) {
      const next = runEnd(bits, 0, sector, end)
      const from = sector * SECTOR
      const place = at + from - inside
      const count = (next - sector) * SECTOR
      if (isSet(bits, 0, sector)) node.readData(block * BLOCK + from, target, place, count)
      else if (state === ZERO) target.fill(0, place, place + count)
      else readBlock(chain, k + 1, block, from, target, place, count)
      sector = next
    }
    return
  }
  target.fill(0, at, at + length)
}

/** Makes a range zero in the leaf, whole blocks and untouched ones without holding space. */
export function zeroChain(chain: Chain, offset: number, length: number): void {
  const leaf = chain[0] as ChainNode
  const end = offset + length
  for (let from = offset; from < end; ) {
    const block = Math.floor(from / BLOCK)
    const to = Math.min(end, (block + 1) * BLOCK)
    if (to - from === BLOCK || chain.every((node) => node.state(block) === ABSENT)) leaf.zeroBlock(block)
    else if (leaf.state(block) === ZERO) leaf.zeroSectors(block, (from - block * BLOCK) / SECTOR, (to - block * BLOCK) / SECTOR)
    else for (let k = from; k < to; k += ZEROES.length) leaf.write(k, ZEROES, 0, Math.min(ZEROES.length, to - k))
    from = to
  }
}

/** False only when the range is surely zero. */
export function mayHoldData(chain: Chain, offset: number, length: number): boolean {
  const end = offset + length
  for (let from = offset; from < end; ) {
    const block = Math.floor(from / BLOCK)
    const to = Math.min(end, (block + 1) * BLOCK)
    if (blockMayHoldData(chain, block, (from - block * BLOCK) / SECTOR, (to - block * BLOCK) / SECTOR)) return true
    from = to
  }
  return false
}

function blockMayHoldData(chain: Chain, block: number, from: number, to: number): boolean {
  for (const node of chain) {
    const state = node.state(block)
    if (state === FULL) return true
    if (state === ABSENT) continue
    const bits = node.bitmap(block)
    for (let sector = from; sector < to; sector = runEnd(bits, 0, sector, to)) if (isSet(bits, 0, sector)) return true
    if (state === ZERO) return false
  }
  return false
}

/** Blocks below `end` that any node of the chain holds, ascending. */
export function* heldBlocks(chain: Chain, end: number): Iterable<number> {
  for (let first = 0; first < end; first += BLOCKS_AT_ONCE) {
    const present = new Uint8Array(Math.min(BLOCKS_AT_ONCE, end - first))
    for (const node of chain) node.collectHeld(first, present)
    for (let i = 0; i < present.length; i += 1) if (present[i] === 1) yield first + i
  }
}

/** Ranges that may hold data, in granules of 64 KiB, merged, ascending. */
export function* extents(chain: Chain, size: number): Iterable<Extent> {
  let start = -1
  let end = -1
  for (const block of heldBlocks(chain, Math.ceil(size / BLOCK))) {
    const limit = Math.min(size, (block + 1) * BLOCK)
    for (let from = block * BLOCK; from < limit; from += GRANULE) {
      const to = Math.min(limit, from + GRANULE)
      if (!mayHoldData(chain, from, to - from)) continue
      if (from !== end) {
        if (start >= 0) yield { offset: start, length: end - start }
        start = from
      }
      end = to
    }
  }
  if (start >= 0) yield { offset: start, length: end - start }
}

/** Lays what `from` holds of a block over what `to` holds of it. */
export function mergeBlock(from: ChainNode, to: ChainNode, block: number): void {
  const state = from.state(block)
  if (state === ABSENT) return
  const bits = state === FULL ? Buffer.alloc(BITMAP_BYTES, 0xff) : from.bitmap(block)
  if (state === ZERO) to.zeroBlock(block)
  for (let sector = 0; sector < SECTORS_PER_BLOCK; ) {
    const next = runEnd(bits, 0, sector, SECTORS_PER_BLOCK)
    if (isSet(bits, 0, sector)) {
      const data = Buffer.allocUnsafe((next - sector) * SECTOR)
      from.readData(block * BLOCK + sector * SECTOR, data, 0, data.length)
      to.write(block * BLOCK + sector * SECTOR, data, 0, data.length)
    }
    sector = next
  }
}
