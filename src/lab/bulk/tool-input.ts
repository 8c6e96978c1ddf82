/**
 * What XAPI's transfer tool reads from a socket, with its way of treating the end of the stream: a read that got something counts as
 * complete, and what was in the buffer before stands in for the rest; only a read that got nothing fails (`IO.complete` in
 * xen-api ocaml/vhd-tool/src/iO.ml). A raw upload cut inside its last 2 MiB is therefore not noticed.
 */
import type { BulkRequest } from '../pool.ts'

/** The tool gave up: its task fails with VDI_IO_ERROR, whatever the reason. */
export class ToolFailure extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'ToolFailure'
  }
}

const SKIP_BYTES = 1 << 20

export class ToolInput {
  readonly #request: BulkRequest
  #position = 0

  constructor(request: BulkRequest) {
    this.#request = request
  }

  /** Bytes that the tool believes to have read. */
  get position(): number {
    return this.#position
  }

  /** Reads up to `length` bytes; fewer at the end of the stream. ToolFailure when there are none although some are due. */
  async read(length: number): Promise<Buffer> {
    const bytes = length === 0 ? Buffer.alloc(0) : await this.#request.read(length)
    if (bytes.length === 0 && length > 0) throw new ToolFailure('the stream has ended')
    this.#position += length
    return bytes
  }

  /** Passes over everything before `offset`; ToolFailure when that is behind. */
  async skipTo(offset: number): Promise<void> {
    if (offset < this.#position) throw new ToolFailure('a stream has no way back')
    while (this.#position < offset) await this.read(Math.min(SKIP_BYTES, offset - this.#position))
  }
}

/** A buffer that the tool uses again and again: what an incomplete read leaves in it is visible. */
export class ToolBuffer {
  readonly #capacity: number
  #bytes: Buffer
  /** Whether the memory is only ours, so that it may be written to. */
  #owned = true

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#bytes = Buffer.alloc(capacity)
  }

  /** Fills the first `length` bytes from the stream. What is given is valid until the next call, and not to be changed. */
  async fill(input: ToolInput, length: number): Promise<Buffer> {
    const bytes = await input.read(length)
    if (bytes.length === this.#capacity) {
      // The usual case of a bulk transfer; kept as it is instead of copied.
      this.#bytes = bytes
      this.#owned = false
      return bytes
    }
    if (!this.#owned) this.#bytes = Buffer.from(this.#bytes)
    this.#owned = true
    bytes.copy(this.#bytes)
    return this.#bytes.subarray(0, length)
  }

  /** Puts bytes in from elsewhere, as a read of the disk does. */
  load(bytes: Buffer): void {
    if (!this.#owned) this.#bytes = Buffer.from(this.#bytes)
    this.#owned = true
    bytes.copy(this.#bytes)
  }

  /** The first `length` bytes as they are. */
  view(length: number): Buffer {
    return this.#bytes.subarray(0, length)
  }
}
