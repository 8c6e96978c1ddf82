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
/** Bytes asked of the connection at once: small enough to be copied while they are still in the processor's cache. */
const PIECE_BYTES = 256 << 10

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

  /** Fills the target; at the end of the stream the rest of it stays as it is. ToolFailure when nothing came although something was due. */
  async fill(target: Buffer): Promise<void> {
    let got = 0
    while (got < target.length) {
      const wanted = Math.min(PIECE_BYTES, target.length - got)
      const bytes = await this.#request.read(wanted)
      bytes.copy(target, got)
      got += bytes.length
      if (bytes.length < wanted) break
    }
    if (got === 0 && target.length > 0) throw new ToolFailure('the stream has ended')
    this.#position += target.length
  }

  /** Passes over everything before `offset`; ToolFailure when that is behind. */
  async skipTo(offset: number): Promise<void> {
    if (offset < this.#position) throw new ToolFailure('a stream has no way back')
    while (this.#position < offset) {
      const length = Math.min(SKIP_BYTES, offset - this.#position)
      if ((await this.#request.read(length)).length === 0) throw new ToolFailure('the stream has ended')
      this.#position += length
    }
  }
}
