import { VhdError } from './error.ts'

type Failing = (code: 'truncated' | 'not-forward', offset: number, text: string) => Error

/** Reads a stream of chunks by lengths, forward only. Holds no more than one chunk beyond what was asked for. */
export class ForwardBytes {
  readonly #chunks: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)
  #position = 0
  #ended = false
  readonly #failure: Failing

  /** @param failure makes the error of a stream that ends too early, or would have to be read backwards; default: a VhdError */
  constructor(chunks: AsyncIterable<Buffer>, failure: Failing = (code, offset, text) => new VhdError(code, offset, text)) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#failure = failure
  }

  /** Bytes given or passed over so far: the offset in the stream of what comes next. */
  get position(): number {
    return this.#position
  }

  /** The next bytes, at most `most` and at least one; empty only at the end. May share memory with the chunk that came. */
  async some(most: number): Promise<Buffer> {
    while (this.#chunk.length === 0 && !this.#ended) {
      const { done, value } = await this.#chunks.next()
      if (done) this.#ended = true
      else this.#chunk = value
    }
    const piece = this.#chunk.subarray(0, most)
    this.#chunk = this.#chunk.subarray(piece.length)
    this.#position += piece.length
    return piece
  }

  /**
   * Exactly `length` bytes. Memory is taken as bytes arrive, never ahead for a length that was only claimed. VhdError `truncated`
   * at the offset where the stream ended.
   */
  async take(length: number, what: string): Promise<Buffer> {
    const first = await this.some(length)
    if (first.length === length) return first
    const pieces = [first]
    let got = first.length
    while (got < length) {
      const piece = await this.some(length - got)
      if (piece.length === 0) throw this.#failure('truncated', this.#position, `the stream ends inside ${what}`)
      pieces.push(piece)
      got += piece.length
    }
    return Buffer.concat(pieces, length)
  }

  /** Passes over everything before `offset`. VhdError `truncated`, or `not-forward` when that is behind. */
  async skipTo(offset: number, what: string): Promise<void> {
    if (offset < this.#position) throw this.#failure('not-forward', this.#position, `${what} lies at byte ${offset}, which is behind`)
    while (this.#position < offset) {
      const piece = await this.some(offset - this.#position)
      if (piece.length === 0) throw this.#failure('truncated', this.#position, `the stream ends before ${what}`)
    }
  }

  /** Tells the source that no more is wanted. Safe more than once. */
  async close(): Promise<void> {
    this.#ended = true
    this.#chunk = Buffer.alloc(0)
    await this.#chunks.return?.()
  }
}
