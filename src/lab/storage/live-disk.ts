import type { Extent } from '../../block/block.ts'
import type { Disk } from '../pool.ts'
import { extents, heldBlocks, mayHoldData, readChain, zeroChain } from './chain/chain.ts'
import type { ChainNode } from './chain/node.ts'
import { BLOCK, SECTOR } from './chain/sector-bits.ts'
import { deviceFailure } from './failures.ts'
import type { Image } from './images.ts'
import type { StorageManager } from './manager.ts'

/** A disk by the uuid of its VDI: every call looks the chain up anew, so that the handle follows snapshots, coalescing and growth. */
export class LiveDisk implements Disk {
  readonly uuid: string
  readonly #manager: StorageManager

  constructor(uuid: string, manager: StorageManager) {
    this.uuid = uuid
    this.#manager = manager
  }

  get size(): number {
    return this.#image().size
  }

  read(offset: number, length: number): Buffer {
    this.#check(offset, length)
    const target = Buffer.allocUnsafe(length)
    readChain(this.#manager.images.chain(this.uuid), offset, target, 0, length)
    return target
  }

  readInto(target: Buffer, offset: number): void {
    this.#check(offset, target.length)
    readChain(this.#manager.images.chain(this.uuid), offset, target, 0, target.length)
  }

  write(offset: number, data: Buffer): void {
    const image = this.#check(offset, data.length)
    if (data.length === 0) return
    const leaf = this.#prepare(image, offset, data.length)
    leaf.write(offset, data, 0, data.length)
  }

  zero(offset: number, length: number): void {
    const image = this.#check(offset, length)
    if (length === 0) return
    this.#prepare(image, offset, length)
    zeroChain(this.#manager.images.chain(this.uuid), offset, length)
  }

  holdsData(offset: number, length: number): boolean {
    this.#check(offset, length)
    return mayHoldData(this.#manager.images.chain(this.uuid), offset, length)
  }

  allocatedBlocks(): number[] {
    return [...heldBlocks(this.#manager.images.chain(this.uuid), Math.ceil(this.size / BLOCK))]
  }

  allocatedExtents(): Iterable<Extent> {
    return extents(this.#manager.images.chain(this.uuid), this.size)
  }

  /** What comes before data: room in the SR, and the change log, which may name too much but never too little. */
  #prepare(image: Image, offset: number, length: number): ChainNode {
    const leaf = this.#manager.images.node(image)
    this.#manager.claimBlocks(image, leaf.absentBlocks(offset, length))
    const log = this.#manager.logs.get(this.uuid)
    if (log) this.#manager.logs.mark(log, offset, length)
    this.#manager.noteWritten(this.uuid, offset, length)
    return leaf
  }

  #image(): Image {
    const image = this.#manager.images.get(this.uuid)
    if (!image || this.#manager.closed) throw deviceFailure()
    return image
  }

  #check(offset: number, length: number): Image {
    const image = this.#image()
    const aligned = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset % SECTOR === 0 && length % SECTOR === 0
    if (!aligned || offset < 0 || length < 0 || offset + length > image.size) throw deviceFailure()
    return image
  }
}
