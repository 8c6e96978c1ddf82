/**
 * What every way of reading and writing disks has in common. Offsets and lengths are in bytes and plain numbers
 * (exact up to 8 PiB). Sources push blocks; sinks take them; the copy loop stands between them.
 */

/** A half-open byte range `[offset, offset + length)`; length > 0. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/**
 * Data of a disk. `data` is owned by whoever receives the block, until it calls `release`; afterwards the memory may be
 * used again. `release` gives the bytes back to the budget; calling it twice does nothing more.
 */
export interface Block {
  readonly offset: number
  readonly data: Buffer
  release(): void
}

/** One budget of memory, in bytes, shared by everything that runs at once. */
export interface ByteBudget {
  readonly total: number
  readonly used: number
  /**
   * Waits until `bytes` are free and takes them; first come, first served. A demand above `total` is granted when nothing
   * else is taken. Rejects with the signal's reason. The function returned gives them back, once.
   */
  take(bytes: number, signal?: AbortSignal): Promise<() => void>
}

export interface ReadOptions {
  readonly signal: AbortSignal
  readonly budget: ByteBudget
}

/** Where blocks come from. `blocks` may be called once, unless a source says otherwise. */
export interface BlockSource {
  /** What it is, for progress and errors: `cbt+nbd`, `vhd-delta`… */
  readonly kind: string
  /** Virtual size of the disk. */
  readonly size: number
  /** Bytes that `blocks` will give, when known before reading. */
  readonly expected: number | undefined
  /** Bytes read from the other side so far, also those that were thrown away. */
  readonly bytesRead: number
  /**
   * Every block that has to be carried over, each byte once, in no particular order, offsets and lengths in multiples of
   * 512. Throws what went wrong; a source that ends without error has given everything.
   */
  blocks(options: ReadOptions): AsyncIterable<Block>
  /** Frees connections; safe to call at any time and more than once. */
  close(): Promise<void>
}

/** Where blocks go to. One at a time: the next `write` comes after the one before has settled. */
export interface BlockSink {
  readonly kind: string
  /** Bytes sent on the wire so far, framing included. */
  readonly bytesSent: number
  /** Whether another sink of the same disk may be written to while this one is open: neither touches what it isn't given. */
  readonly overlaps?: boolean
  /** Resolves when the block's memory is no longer needed by the sink; rejects when the transfer is lost. */
  write(offset: number, data: Buffer): Promise<void>
  /** Told of parts that are not written because they are zero already: for a form that has to know when something won't come. */
  pass?(offset: number, length: number): Promise<void>
  /** Ends the transfer and waits until the other side has confirmed that everything is in place. */
  finish(): Promise<void>
  /** Gives up: the other side must be able to tell that it was not complete. Safe after `finish`. */
  abort(reason: unknown): Promise<void>
}
