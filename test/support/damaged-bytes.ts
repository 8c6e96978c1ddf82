/** For fuzzing decoders of bytes: one copy of something good is damaged and mended again, round after round, so that a round costs only what it changes. */

export class DamagedBytes {
  readonly #whole: Buffer
  readonly #bytes: Buffer
  #touched: (readonly [from: number, to: number])[] = []

  constructor(whole: Buffer) {
    this.#whole = whole
    this.#bytes = Buffer.from(whole)
  }

  get length(): number {
    return this.#bytes.length
  }

  /** As they are now; valid until `mend`. */
  get bytes(): Buffer {
    return this.#bytes
  }

  setByte(at: number, value: number): void {
    this.#touch(at, at + 1)
    this.#bytes[at] = value
  }

  /** Most significant byte first. */
  setWord(at: number, value: number): void {
    this.#touch(at, at + 4)
    this.#bytes.writeUInt32BE(value >>> 0, at)
  }

  /** Most significant byte last. */
  setWordLE(at: number, value: number): void {
    this.#touch(at, at + 4)
    this.#bytes.writeUInt32LE(value >>> 0, at)
  }

  /** Puts a piece over another. */
  doublePiece(from: number, to: number, length: number): void {
    const fits = Math.min(length, this.length - Math.max(from, to))
    this.#touch(to, to + fits)
    this.#bytes.copy(this.#bytes, to, from, from + fits)
  }

  /** As it was at first. */
  mend(): void {
    for (const [from, to] of this.#touched) this.#whole.copy(this.#bytes, from, from, to)
    this.#touched = []
  }

  #touch(from: number, to: number): void {
    this.#touched.push([from, to])
  }
}

/** A third each: cut off somewhere, whole, a piece left out. As parts that follow each other: nothing is copied. */
export function withCut(random: (below: number) => number, bytes: Buffer): readonly Buffer[] {
  const kind = random(3)
  if (kind === 0) return [bytes.subarray(0, random(bytes.length))]
  if (kind === 1) return [bytes]
  const from = random(bytes.length)
  return [bytes.subarray(0, from), bytes.subarray(Math.min(bytes.length, from + random(4096)))]
}

/** The parts as a stream of chunks of random lengths; empty ones too. */
export async function* inChunks(random: (below: number) => number, parts: readonly Buffer[], most = 200_000): AsyncGenerator<Buffer> {
  for (const bytes of parts) {
    for (let at = 0; at < bytes.length; ) {
      const length = random(20) === 0 ? 0 : 1 + random(random(2) ? 700 : most)
      yield bytes.subarray(at, at + length)
      at += length
    }
  }
}

export const lengthOf = (parts: readonly Buffer[]): number => parts.reduce((sum, { length }) => sum + length, 0)
