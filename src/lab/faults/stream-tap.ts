/**
 * The bytes of one use of a connection, counted as they are read and written, so that something can happen at one of them: the connection is
 * cut, falls silent, stops for a while, ends as if it were complete, or carries a wrong byte.
 */
import type { ConnectionKind, FaultOf } from './fault.ts'

/** What a connection lets be done to it. */
export interface TappedStream {
  /** Ends the connection at once, after what was written has left. */
  cut(): void
  /** Ends it in order. */
  end(): void
  /** Resolves when the client has left or the connection is closed. */
  readonly ended: Promise<void>
}

export type StreamFault = FaultOf<'cut' | 'half-open' | 'stall' | 'truncate' | 'corrupt' | 'restart' | 'expire-sessions'>

/** The faults of streams that are set, and the way to let one strike. */
export interface StreamFaults {
  readonly streams: readonly StreamFault[]
  /** Whether the fault strikes this time; records it if so. */
  take(fault: StreamFault, what: string): boolean
  /** Resolves when the fault was cleared. */
  cleared(fault: StreamFault): Promise<void>
  /** Carries out a fault that strikes the pool as a whole. */
  act(fault: StreamFault): void
}

/** The connection does not go on. */
export class StreamCut extends Error {
  constructor() {
    super('the other side is gone')
    this.name = 'StreamCut'
  }
}

type Direction = 'in' | 'out'

export class StreamTap {
  readonly #faults: StreamFaults
  readonly #stream: TappedStream
  readonly #kind: ConnectionKind
  readonly #vdi: string | undefined
  readonly #position = { in: 0, out: 0 }
  /** Ways that have ended, although the other side of the pool doesn't know. */
  readonly #over = { in: false, out: false }
  /** Faults that this use has come to; each once. */
  readonly #met = new Set<string>()

  constructor(faults: StreamFaults, stream: TappedStream, kind: ConnectionKind, vdi: string | undefined) {
    this.#faults = faults
    this.#stream = stream
    this.#kind = kind
    this.#vdi = vdi
  }

  /** Whether nothing can happen; callers may then do without `read` and `write`, but have to `count`. */
  get idle(): boolean {
    return this.#faults.streams.length === 0 && !this.#over.in && !this.#over.out
  }

  count(direction: Direction, bytes: number): void {
    this.#position[direction] += bytes
  }

  /** Reads as `take` does, which gives less than it was asked for only at the end of the stream. */
  async read(length: number, take: (length: number) => Promise<Buffer>): Promise<Buffer> {
    if (this.idle) {
      const bytes = await take(length)
      this.#position.in += bytes.length
      return bytes
    }
    const parts: Buffer[] = []
    for (let left = length; ; ) {
      const fault = this.#next('in', left)
      const wanted = fault ? (fault.match.at ?? 0) - this.#position.in : left
      if (this.#over.in) break
      if (wanted > 0) {
        const bytes = await take(wanted)
        parts.push(bytes)
        this.#position.in += bytes.length
        left -= bytes.length
        if (bytes.length < wanted) break
      }
      if (!fault) break
      if (fault.kind === 'corrupt') {
        const [wrong] = left > 0 ? [await take(1)] : []
        if (!wrong || wrong.length === 0) break
        parts.push(this.#meet(fault, 'in') ? flipped(wrong, 0, fault.xor) : wrong)
        this.#position.in += 1
        left -= 1
      } else if (await this.#cutAt(fault)) break
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  }

  /** Reads as `take` does, which gives what there is, and nothing only at the end of the stream. */
  async readSome(length: number, take: (length: number) => Promise<Buffer>): Promise<Buffer> {
    if (this.idle) {
      const bytes = await take(length)
      this.#position.in += bytes.length
      return bytes
    }
    // Up to the next fault; at one, as far as `read` goes with a single byte.
    const fault = this.#next('in', length)
    const wanted = fault ? (fault.match.at ?? 0) - this.#position.in : length
    if (this.#over.in) return Buffer.alloc(0)
    if (wanted === 0) return this.read(1, take)
    const bytes = await take(wanted)
    this.#position.in += bytes.length
    return bytes
  }

  async write(data: Buffer, put: (data: Buffer) => Promise<void>): Promise<void> {
    let rest = data
    for (;;) {
      if (this.#over.out) return
      const fault = this.#next('out', rest.length)
      if (!fault) {
        this.#position.out += rest.length
        return rest.length > 0 || data.length === 0 ? put(rest) : undefined
      }
      const before = (fault.match.at ?? 0) - this.#position.out
      if (fault.kind === 'corrupt') {
        if (this.#meet(fault, 'out')) rest = flipped(rest, before, fault.xor)
        continue
      }
      if (before > 0) await put(rest.subarray(0, before))
      this.#position.out += before
      rest = rest.subarray(before)
      await this.#strike(fault, 'out')
    }
  }

  /** What a reader sees of a connection that was cut is its end. */
  async #cutAt(fault: StreamFault): Promise<boolean> {
    try {
      await this.#strike(fault, 'in')
      return false
    } catch (error) {
      if (!(error instanceof StreamCut)) throw error
      this.#over.in = true
      return true
    }
  }

  /** The first fault that this way comes to within so many bytes. */
  #next(direction: Direction, length: number): StreamFault | undefined {
    const position = this.#position[direction]
    let found: StreamFault | undefined
    for (const fault of this.#faults.streams) {
      const { match } = fault
      const at = match.at ?? 0
      if (!fault.armed || this.#met.has(fault.id) || match.method !== undefined) continue
      if (match.connection !== undefined && match.connection !== this.#kind) continue
      if (match.vdi !== undefined && match.vdi !== this.#vdi) continue
      if (direction !== (match.direction ?? usualWay(this.#kind))) continue
      // The end of the range belongs to it, but for a byte that has to be there.
      const reached = at >= position && (fault.kind === 'corrupt' ? at < position + length : at <= position + length)
      if (reached && (!found || at < (found.match.at ?? 0))) found = fault
    }
    return found
  }

  #meet(fault: StreamFault, direction: Direction): boolean {
    this.#met.add(fault.id)
    const of = this.#vdi === undefined ? '' : ` of ${this.#vdi}`
    return this.#faults.take(fault, `${this.#kind}${of}, ${direction}, byte ${this.#position[direction]}`)
  }

  async #strike(fault: StreamFault, direction: Direction): Promise<void> {
    if (!this.#meet(fault, direction)) return
    switch (fault.kind) {
      case 'cut':
        this.#stream.cut()
        throw new StreamCut()
      case 'half-open':
        await Promise.race([this.#stream.ended, this.#faults.cleared(fault)])
        this.#stream.cut()
        throw new StreamCut()
      case 'truncate':
        this.#over[direction] = true
        if (direction === 'out') this.#stream.end()
        return
      case 'stall': {
        const { promise, resolve } = Promise.withResolvers<void>()
        const timer = setTimeout(resolve, fault.seconds * 1000)
        await Promise.race([promise, this.#faults.cleared(fault), this.#stream.ended])
        clearTimeout(timer)
        return
      }
      default:
        this.#faults.act(fault)
    }
  }
}

function usualWay(kind: ConnectionKind): Direction {
  return kind === 'import' ? 'in' : 'out'
}

function flipped(data: Buffer, at: number, xor: number): Buffer {
  const copy = Buffer.from(data)
  copy[at] = (copy[at] as number) ^ xor
  return copy
}
