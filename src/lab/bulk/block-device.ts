import { setImmediate as turn } from 'node:timers/promises'
import type { Disk } from '../pool.ts'
import { ToolFailure } from './tool-input.ts'

const SECTOR = 512
/** Disk calls are synchronous: between pieces of this size others get their turn. */
const PIECE_BYTES = 1 << 20

/**
 * A disk as the transfer tool writes it: opened with O_DIRECT, every write checked to be on sectors, a seek beyond the end
 * refused by the kernel, a write across the end carried out as far as it goes and then failed
 * (xen-api ocaml/libs/vhd/vhd_format_lwt/iO.ml). Each failure is a ToolFailure; nothing is taken back.
 */
export class BlockDevice {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  get size(): number {
    return this.#disk.size
  }

  async write(offset: number, data: Buffer): Promise<void> {
    if (offset % SECTOR !== 0 || data.length % SECTOR !== 0) throw new ToolFailure('not aligned to sectors')
    if (offset < 0 || offset > this.size) throw new ToolFailure('beyond the end of the device')
    const fitting = Math.min(data.length, this.size - offset)
    for (let at = 0; at < fitting; at += PIECE_BYTES) {
      if (at > 0) await turn()
      this.#disk.write(offset + at, data.subarray(at, Math.min(fitting, at + PIECE_BYTES)))
    }
    if (fitting < data.length) throw new ToolFailure('no space left on the device')
  }

  /** Reads whole sectors up to the end of the device; nothing at it fails. */
  read(offset: number, length: number): Buffer {
    const fitting = Math.min(length, this.size - offset)
    if (fitting <= 0) throw new ToolFailure('beyond the end of the device')
    return this.#disk.read(offset, fitting)
  }
}
