/** Disk images in files, whatever their format, as the lab imports them. `open-image.ts` opens one. */

export type ImageFormat = 'raw' | 'vhd' | 'qcow2'

/** Bytes of a disk. `offset` and the length are multiples of 512; `data` is good until the next block is asked for. */
export interface ImageBlock {
  readonly offset: number
  readonly data: Buffer
}

export interface DiskImage {
  readonly format: ImageFormat
  /** Virtual size in bytes, as the image says; not necessarily a multiple of anything. */
  readonly size: number
  /**
   * What the disk holds, each byte at most once; what is not given is zero. A last piece of a disk whose size is no multiple
   * of 512 is filled up with zeroes. May be called once. Throws ImageError for an image that is broken.
   */
  blocks(): AsyncIterable<ImageBlock>
  close(): Promise<void>
}

/** An image that can't be read, said for the person who gave it. The message doesn't repeat the file's name. */
export class ImageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImageError'
  }
}
