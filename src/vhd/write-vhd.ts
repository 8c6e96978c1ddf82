/** Writes planned VHDs as streams, block by block, without seeking. */
import { setSectors } from './block-table.ts'
import { VhdError } from './error.ts'
import { SECTOR } from './footer.ts'
import { BITMAP_BYTES, BLOCK_SIZE, type VhdPlan } from './plan-vhd.ts'

/** A block's bitmap with every sector set. Not to be changed. */
export const FULL_BITMAP: Buffer = Buffer.alloc(BITMAP_BYTES, 0xff)

/**
 * Turns data in ascending order into the bytes of a planned VHD. Each call gives the buffers that are ready to be sent, in
 * order; together they have exactly `plan.length` bytes. Sectors that were not given stay unset in the bitmaps (and are zeros in the
 * stream). At most one block of 2 MiB is held back. Buffers given out are never changed again; a `data` that covers whole
 * blocks is passed on without a copy, so its memory must stay as it is until the buffers are sent.
 */
export class VhdStreamWriter {
  readonly #plan: VhdPlan
  /** How many planned blocks have been given out. */
  #done = 0
  /** First byte of the disk that may still be written. */
  #next = 0
  #block: { bytes: Buffer; index: number } | undefined
  #headGiven = false
  #bytesGiven = 0

  constructor(plan: VhdPlan) {
    this.#plan = plan
  }

  /** Bytes given out so far. */
  get bytesGiven(): number {
    return this.#bytesGiven
  }

  /**
   * Takes data for the disk at `offset`. Throws VhdError `not-planned` when the place is behind what was written before, beyond the
   * end, not on sectors, or in a block that isn't planned.
   */
  write(offset: number, data: Buffer): Buffer[] {
    if (offset % SECTOR !== 0 || data.length % SECTOR !== 0) throw new VhdError('not-planned', offset, 'data is not on sectors')
    if (offset < this.#next) throw new VhdError('not-planned', offset, `data up to byte ${this.#next} was written before`)
    if (offset + data.length > this.#plan.size) throw new VhdError('not-planned', offset, 'data lies beyond the end of the disk')
    const ready: Buffer[] = []
    let at = 0
    while (at < data.length) {
      const index = Math.floor((offset + at) / BLOCK_SIZE)
      const within = offset + at - index * BLOCK_SIZE
      const piece = data.subarray(at, at + Math.min(data.length - at, BLOCK_SIZE - within))
      this.#put(index, within, piece, ready)
      at += piece.length
    }
    this.#next = offset + data.length
    return this.#given(ready)
  }

  /** Gives the rest: the block under way, planned blocks that got no data (empty bitmaps), the final footer. Once, at the end. */
  finish(): Buffer[] {
    const ready: Buffer[] = []
    this.#passTo(Number.POSITIVE_INFINITY, ready)
    ready.push(this.#plan.footer)
    this.#next = Number.POSITIVE_INFINITY
    return this.#given(ready)
  }

  #put(index: number, within: number, piece: Buffer, ready: Buffer[]): void {
    if (this.#block?.index !== index) {
      this.#passTo(index, ready)
      if (this.#plan.blocks[this.#done] !== index) throw new VhdError('not-planned', index * BLOCK_SIZE, `block ${index} was not planned`)
      if (piece.length === BLOCK_SIZE) {
        ready.push(FULL_BITMAP, piece)
        this.#done++
        return
      }
      this.#block = { index, bytes: Buffer.alloc(BITMAP_BYTES + BLOCK_SIZE) }
    }
    const { bytes } = this.#block
    setSectors(bytes.subarray(0, BITMAP_BYTES), within / SECTOR, piece.length / SECTOR)
    piece.copy(bytes, BITMAP_BYTES + within)
  }

  /** Gives out everything planned before block `index`. */
  #passTo(index: number, ready: Buffer[]): void {
    if (!this.#headGiven) ready.push(this.#plan.head)
    this.#headGiven = true
    if (this.#block) {
      ready.push(this.#block.bytes)
      this.#block = undefined
      this.#done++
    }
    for (;;) {
      const planned = this.#plan.blocks[this.#done]
      if (planned === undefined || planned >= index) return
      ready.push(Buffer.alloc(BITMAP_BYTES + BLOCK_SIZE))
      this.#done++
    }
  }

  #given(ready: Buffer[]): Buffer[] {
    for (const { length } of ready) this.#bytesGiven += length
    return ready
  }
}
