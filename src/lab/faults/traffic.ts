/**
 * A network with a round trip and a bandwidth, between the sockets of a pool and what reads and writes them. Bytes are delayed, not held up
 * one after the other: everything under way at the same time arrives after the same delay, so that pipelining gains what it gains on a long
 * link. The bandwidth is one for all connections of the pool together, in each direction.
 */
export interface Network {
  readonly roundTripMs: number
  readonly bytesPerSecond: number | undefined
  /** Bytes of one connection that can be under way in one direction, as a TCP window. */
  readonly windowBytes: number
}

/** What the connections of a pool have in common. */
export class Traffic {
  network: Network | undefined
  readonly #free = { in: 0, out: 0 }

  /** When bytes sent now arrive (performance.now()). */
  due(direction: 'in' | 'out', bytes: number, roundTrips: number): number {
    const now = performance.now()
    const { roundTripMs = 0, bytesPerSecond } = this.network ?? {}
    let sent = now
    if (bytesPerSecond !== undefined) {
      sent = Math.max(now, this.#free[direction]) + (bytes / bytesPerSecond) * 1000
      this.#free[direction] = sent
    }
    return sent + roundTripMs * (0.5 + roundTrips)
  }
}

/** Bytes that are paced as one. */
const PIECE_BYTES = 64 << 10

interface Pausable {
  pause(): unknown
  resume(): unknown
}

/** One connection's share of the traffic. */
export class Link {
  readonly #traffic: Traffic
  readonly #in = new Lane()
  readonly #out = new Lane()
  /** Round trips that went before the first byte (TCP, TLS), which happen below us. */
  #roundTrips: number
  /** Only who paused the socket lets it go on: its reader may have reasons of its own. */
  #paused = false

  constructor(traffic: Traffic, roundTrips: number) {
    this.#traffic = traffic
    this.#roundTrips = roundTrips
  }

  /** Whether what comes next is delayed; if not, callers do without this class, and handshakes have cost nothing. */
  delays(): boolean {
    if (this.#traffic.network !== undefined || !this.#in.idle || !this.#out.idle) return true
    this.#roundTrips = 0
    return false
  }

  /** A handshake that costs round trips has taken place. */
  handshake(roundTrips: number): void {
    this.#roundTrips += roundTrips
  }

  /** What has come from the socket, to be passed on when it would have arrived. */
  arrive(bytes: number, pass: () => void, socket: Pausable): void {
    this.#in.push(this.#due('in', bytes), bytes, pass, () => {
      if (!this.#paused || this.#in.bytes > this.#window) return
      this.#paused = false
      socket.resume()
    })
    if (this.#in.bytes <= this.#window) return
    this.#paused = true
    socket.pause()
  }

  /** Sends a copy of the data later; resolves when there is room for more. */
  async send(data: string | Buffer, put: (data: Buffer) => void): Promise<void> {
    const copy = Buffer.from(data as Buffer)
    for (let at = 0; at < copy.length; at += PIECE_BYTES) {
      const piece = copy.subarray(at, at + PIECE_BYTES)
      this.#out.push(this.#due('out', piece.length), piece.length, () => put(piece))
    }
    while (this.#out.bytes > this.#window) await this.#out.progress()
  }

  /** Calls back when everything sent so far is out. */
  afterSent(done: () => void): void {
    if (this.#out.idle) done()
    else this.#out.push(0, 0, done)
  }

  /** The connection is gone. */
  drop(): void {
    this.#in.drop()
    this.#out.drop()
  }

  get #window(): number {
    return this.#traffic.network?.windowBytes ?? 0
  }

  #due(direction: 'in' | 'out', bytes: number): number {
    const roundTrips = this.#roundTrips
    this.#roundTrips = 0
    return this.#traffic.due(direction, bytes, roundTrips)
  }
}

interface Underway {
  readonly due: number
  readonly bytes: number
  readonly pass: () => void
  readonly after: (() => void) | undefined
}

/** One direction: what is under way, in order. */
class Lane {
  bytes = 0
  #queue: Underway[] = []
  #timer: NodeJS.Timeout | undefined
  #moved = Promise.withResolvers<void>()

  get idle(): boolean {
    return this.#queue.length === 0
  }

  push(due: number, bytes: number, pass: () => void, after?: () => void): void {
    // Nothing overtakes, also when the network has become quicker.
    this.#queue.push({ due: Math.max(due, this.#queue.at(-1)?.due ?? 0), bytes, pass, after })
    this.bytes += bytes
    this.#wait()
  }

  /** Resolves when something has arrived, or the connection is gone. */
  progress(): Promise<void> {
    return this.#moved.promise
  }

  drop(): void {
    this.#queue = []
    this.bytes = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#stir()
  }

  #wait(): void {
    const next = this.#queue[0]
    if (!next || this.#timer) return
    this.#timer = setTimeout(() => this.#deliver(), Math.max(0, next.due - performance.now()))
  }

  #deliver(): void {
    this.#timer = undefined
    const now = performance.now() + 0.5
    let after: (() => void) | undefined
    for (let next = this.#queue[0]; next && next.due <= now; next = this.#queue[0]) {
      this.#queue.shift()
      this.bytes -= next.bytes
      after = next.after
      next.pass()
    }
    after?.()
    this.#stir()
    this.#wait()
  }

  #stir(): void {
    this.#moved.resolve()
    this.#moved = Promise.withResolvers()
  }
}
