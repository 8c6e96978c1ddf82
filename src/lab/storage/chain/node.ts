import { existsSync } from 'node:fs'
import { PAGE_SIZE, type PageCache, PagedFile } from './paged-file.ts'
import { allSet, BITMAP_BYTES, BLOCK, changeBits, SECTOR, SECTORS_PER_BLOCK } from './sector-bits.ts'
import { type OpenFiles, SparseFile } from './sparse-file.ts'

/**
 * What a node holds of a 2 MiB block.
 * absent: nothing, its parent answers; partial: the sectors in the bitmap, its parent answers for the rest;
 * full: every sector; zero: every sector, which is zero unless it is in the bitmap.
 */
export const ABSENT = 0
export const PARTIAL = 1
export const FULL = 2
export const ZERO = 3
export type BlockState = 0 | 1 | 2 | 3

/**
 * A node is kept in zones of 2^20 blocks (2 TiB), each with files of its own, made by the first write to it: no file system below has to
 * take a file as large as the disk. The map file of a zone: one byte of state for each block, then one bitmap for each. Sparse,
 * like the data file.
 */
const ZONE_BLOCKS = 1 << 20
const ZONE_BYTES = ZONE_BLOCKS * BLOCK
/** 16 TiB. */
const MOST_ZONES = 8
const BITMAPS_AT = ZONE_BLOCKS
const BITMAPS_PER_PAGE = PAGE_SIZE / BITMAP_BYTES
const NO_BITS = Buffer.alloc(BITMAP_BYTES)

/** Endings of the files of a zone: none but the first has a number. */
const ending = (kind: 'data' | 'map', zone: number) => (zone === 0 ? kind : `${kind}${zone}`)

/** Whether a file of this ending belongs to a node. */
export const isNodeFile = (end: string | undefined): boolean => end !== undefined && /^(?:data|map)[1-7]?$/.test(end)

interface Zone {
  readonly data: SparseFile
  readonly map: PagedFile
}

/**
 * One image of a chain: a data file in which every byte lies at its virtual offset, and a map of what it holds. Data is written
 * before the map names it, and each step of the map is one write within a page, so that a killed process leaves either the
 * old or the new content of every sector, and everything that was acknowledged.
 */
export class ChainNode {
  readonly id: string
  readonly #folder: string
  readonly #files: OpenFiles
  readonly #cache: PageCache
  readonly #zones: Zone[] = []
  #heldBlocks: number | undefined

  constructor(id: string, folder: string, files: OpenFiles, cache: PageCache) {
    this.id = id
    this.#folder = folder
    this.#files = files
    this.#cache = cache
  }

  #path(kind: 'data' | 'map', zone: number): string {
    return `${this.#folder}/${this.id}.${ending(kind, zone)}`
  }

  #zone(number: number): Zone {
    let zone = this.#zones[number]
    if (!zone) {
      zone = {
        data: new SparseFile(this.#path('data', number), this.#files),
        map: new PagedFile(this.#path('map', number), this.#files, this.#cache),
      }
      this.#zones[number] = zone
    }
    return zone
  }

  #map(block: number): PagedFile {
    return this.#zone(Math.floor(block / ZONE_BLOCKS)).map
  }

  /** Number of blocks that the node holds, in whole or in part. */
  get heldBlocks(): number {
    if (this.#heldBlocks === undefined) {
      let count = 0
      for (let zone = 0; zone < MOST_ZONES; zone += 1) {
        if (zone > 0 && this.#zones[zone] === undefined && !existsSync(this.#path('map', zone))) continue
        const { map } = this.#zone(zone)
        for (const state of map.readAll(Math.min(map.length, BITMAPS_AT))) if (state !== ABSENT) count += 1
      }
      this.#heldBlocks = count
    }
    return this.#heldBlocks
  }

  state(block: number): BlockState {
    return this.#map(block).page(statePage(block))[block % PAGE_SIZE] as BlockState
  }

  /** Sets `present[i]` for every block `first + i` that the node holds. */
  collectHeld(first: number, present: Uint8Array): void {
    if (this.heldBlocks === 0) return
    for (let i = 0; i < present.length; ) {
      const block = first + i
      const page = this.#map(block).glance(statePage(block))
      const from = block % PAGE_SIZE
      const count = Math.min(PAGE_SIZE - from, present.length - i)
      for (let k = 0; k < count; k += 1) if (page[from + k] !== ABSENT) present[i + k] = 1
      i += count
    }
  }

  /** A copy of the block's bitmap; it means something in a partial and in a zero block. */
  bitmap(block: number): Buffer {
    const { page, at } = bitmapPlace(block)
    return Buffer.from(
      this.#map(block)
        .page(page)
        .subarray(at, at + BITMAP_BYTES),
    )
  }

  /** Reads from the data file, whether or not the map says that something is there. Within one block. */
  readData(offset: number, target: Buffer, at: number, length: number): void {
    const zone = Math.floor(offset / ZONE_BYTES)
    this.#zone(zone).data.read(offset - zone * ZONE_BYTES, target, at, length)
  }

  /** Blocks of the range that the node does not hold yet. */
  absentBlocks(offset: number, length: number): number {
    let count = 0
    const last = Math.floor((offset + length - 1) / BLOCK)
    for (let block = Math.floor(offset / BLOCK); block <= last; block += 1) if (this.state(block) === ABSENT) count += 1
    return count
  }

  /** Writes sectors: offset and length are multiples of 512. */
  write(offset: number, source: Buffer, at: number, length: number): void {
    const end = offset + length
    for (let from = offset; from < end; ) {
      const zone = Math.floor(from / ZONE_BYTES)
      const to = Math.min(end, (zone + 1) * ZONE_BYTES)
      this.#zone(zone).data.write(from - zone * ZONE_BYTES, source, at + from - offset, to - from)
      from = to
    }
    for (let from = offset; from < end; ) {
      const block = Math.floor(from / BLOCK)
      const to = Math.min(end, (block + 1) * BLOCK)
      this.#markWritten(block, (from - block * BLOCK) / SECTOR, (to - block * BLOCK) / SECTOR)
      from = to
    }
  }

  /** Makes a whole block zero without keeping data for it. */
  zeroBlock(block: number): void {
    const state = this.state(block)
    // In a full block the bitmap means nothing, and an absent one may have a bitmap left by a killed write.
    if (state === FULL || state === ABSENT) this.#clearBitmap(block)
    this.#setState(block, ZERO)
    if (state === PARTIAL || state === ZERO) this.#clearBitmap(block)
  }

  /** Makes sectors `[from, to)` of a zero block zero again. */
  zeroSectors(block: number, from: number, to: number): void {
    const { page, at } = bitmapPlace(block)
    const map = this.#map(block)
    if (changeBits(map.page(page), at, from, to, false)) map.store(page, at, BITMAP_BYTES)
  }

  /** Removes the node's files. */
  remove(): void {
    for (let zone = 0; zone < MOST_ZONES; zone += 1) {
      // Data is written before its map, so that there may be one without the other.
      if (zone > 0 && this.#zones[zone] === undefined && !existsSync(this.#path('data', zone))) continue
      const { data, map } = this.#zone(zone)
      data.remove()
      map.remove()
    }
    this.#heldBlocks = 0
  }

  #markWritten(block: number, from: number, to: number): void {
    const state = this.state(block)
    if (state === FULL) return
    if (from === 0 && to === SECTORS_PER_BLOCK) {
      this.#setState(block, FULL)
      return
    }
    const { page, at } = bitmapPlace(block)
    const map = this.#map(block)
    const bits = map.page(page)
    if (state === ABSENT) bits.fill(0, at, at + BITMAP_BYTES)
    const changed = changeBits(bits, at, from, to, true)
    const full = changed && allSet(bits, at)
    if (changed) map.store(page, at, BITMAP_BYTES)
    if (full) this.#setState(block, FULL)
    else if (state === ABSENT) this.#setState(block, PARTIAL)
  }

  #clearBitmap(block: number): void {
    const { page, at } = bitmapPlace(block)
    const map = this.#map(block)
    const bits = map.page(page)
    if (bits.compare(NO_BITS, 0, BITMAP_BYTES, at, at + BITMAP_BYTES) === 0) return
    bits.fill(0, at, at + BITMAP_BYTES)
    map.store(page, at, BITMAP_BYTES)
  }

  #setState(block: number, state: BlockState): void {
    // Counted before the change, since counting reads the map.
    const held = this.heldBlocks
    const page = statePage(block)
    const map = this.#map(block)
    const states = map.page(page)
    const old = states[block % PAGE_SIZE]
    if (old === state) return
    states[block % PAGE_SIZE] = state
    map.store(page, block % PAGE_SIZE, 1)
    if (old === ABSENT) this.#heldBlocks = held + 1
  }
}

/** Pages of a zone's map. */
function statePage(block: number): number {
  return Math.floor((block % ZONE_BLOCKS) / PAGE_SIZE)
}

function bitmapPlace(block: number): { page: number; at: number } {
  const inside = block % ZONE_BLOCKS
  return { page: BITMAPS_AT / PAGE_SIZE + Math.floor(inside / BITMAPS_PER_PAGE), at: (inside % BITMAPS_PER_PAGE) * BITMAP_BYTES }
}
