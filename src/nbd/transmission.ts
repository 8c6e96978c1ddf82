/** Codec of the transmission phase: requests, simple replies, and the reader that puts payloads where they belong. */
import { NbdError } from './nbd-error.ts'
import { REQUEST_LENGTH, REQUEST_MAGIC, SIMPLE_REPLY_LENGTH, SIMPLE_REPLY_MAGIC } from './protocol.ts'

export interface Request {
  readonly flags: number
  readonly command: number
  /** Comes back in the reply. Any 64 bits on the wire; ours are whole numbers up to 2^53. */
  readonly cookie: number
  readonly offset: number
  readonly length: number
}

const TWO_32 = 2 ** 32

/** Writes a request's 28 bytes at `at`. */
export function encodeRequest(target: Buffer, at: number, request: Request): void {
  target.writeUInt32BE(REQUEST_MAGIC, at)
  target.writeUInt16BE(request.flags, at + 4)
  target.writeUInt16BE(request.command, at + 6)
  target.writeUInt32BE(Math.floor(request.cookie / TWO_32), at + 8)
  target.writeUInt32BE(request.cookie % TWO_32, at + 12)
  target.writeUInt32BE(Math.floor(request.offset / TWO_32), at + 16)
  target.writeUInt32BE(request.offset % TWO_32, at + 20)
  target.writeUInt32BE(request.length, at + 24)
}

/** A request as a server reads it; the cookie stays the eight bytes it came as. */
export interface ReceivedRequest {
  readonly flags: number
  readonly command: number
  readonly cookie: Buffer
  /** Any 64-bit number: compare with the size before using it. */
  readonly offset: bigint
  readonly length: number
}

/** A client's 28 bytes. NBD_PROTOCOL when the magic is wrong. */
export function decodeRequest(bytes: Buffer): ReceivedRequest {
  if (bytes.length !== REQUEST_LENGTH || bytes.readUInt32BE(0) !== REQUEST_MAGIC) {
    throw new NbdError('NBD_PROTOCOL', 'a request without the magic number')
  }
  return {
    flags: bytes.readUInt16BE(4),
    command: bytes.readUInt16BE(6),
    cookie: Buffer.from(bytes.subarray(8, 16)),
    offset: bytes.readBigUInt64BE(16),
    length: bytes.readUInt32BE(24),
  }
}

export function encodeSimpleReply(cookie: Buffer, error: number): Buffer {
  const bytes = Buffer.allocUnsafe(SIMPLE_REPLY_LENGTH)
  bytes.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0)
  bytes.writeUInt32BE(error, 4)
  cookie.copy(bytes, 8)
  return bytes
}

/** What a `ReplyReader` asks and tells the side that knows the requests in flight. */
export interface ReplyOwner {
  /** Where the payload of a successful reply goes; undefined when no such request is in flight. */
  target(cookie: number): Uint8Array | undefined
  /** The reply is complete: error 0 and the target filled, or another error and no payload. */
  done(cookie: number, error: number): void
}

/**
 * Cuts the server's bytes into replies. Owns no socket: whoever does reads up to `space().length` bytes straight into
 * `space()` and says so with `filled`, so that payloads are never copied; or hands over chunks that it got with `push`.
 * All throw NBD_PROTOCOL when the bytes are no replies to what was asked; the connection is of no use then.
 */
export class ReplyReader {
  /** Bytes of payload taken so far. */
  payloadBytes = 0
  readonly #owner: ReplyOwner
  readonly #header = Buffer.allocUnsafeSlow(SIMPLE_REPLY_LENGTH)
  /** What is being filled, from where on: the header, or the payload of `#cookie`. */
  #filling: Uint8Array = this.#header
  #at = 0
  #space: Uint8Array | undefined
  #cookie = 0

  constructor(owner: ReplyOwner) {
    this.#owner = owner
  }

  /** Whether the stream stands between two replies: ending here loses nothing of a reply. */
  get between(): boolean {
    return this.#filling === this.#header && this.#at === 0
  }

  /** Where the next bytes of the stream belong; never empty. The same memory until `filled` or `push` is called. */
  space(): Uint8Array {
    this.#space ??= this.#at === 0 ? this.#filling : this.#filling.subarray(this.#at)
    return this.#space
  }

  /** `count` bytes, at least one, are in `space()` now. */
  filled(count: number): void {
    this.#space = undefined
    this.#at += count
    if (this.#filling !== this.#header) this.payloadBytes += count
    if (this.#at === this.#filling.length) this.#complete()
  }

  /** Takes bytes that were read to elsewhere. */
  push(chunk: Uint8Array): void {
    let from = 0
    while (from < chunk.length) {
      const room = this.#filling.length - this.#at
      const count = Math.min(room, chunk.length - from)
      this.#filling.set(from === 0 && count === chunk.length ? chunk : chunk.subarray(from, from + count), this.#at)
      from += count
      this.filled(count)
    }
  }

  #complete(): void {
    if (this.#filling !== this.#header) {
      this.#filling = this.#header
      this.#at = 0
      this.#owner.done(this.#cookie, 0)
      return
    }
    const header = this.#header
    if (header.readUInt32BE(0) !== SIMPLE_REPLY_MAGIC) throw new NbdError('NBD_PROTOCOL', 'a reply without the magic number')
    const error = header.readUInt32BE(4)
    this.#cookie = header.readUInt32BE(8) * TWO_32 + header.readUInt32BE(12)
    const target = this.#owner.target(this.#cookie)
    if (target === undefined) throw new NbdError('NBD_PROTOCOL', 'a reply to a request that was not made')
    this.#at = 0
    if (error !== 0) {
      this.#owner.done(this.#cookie, error)
    } else if (target.length === 0) {
      this.#owner.done(this.#cookie, 0)
    } else {
      this.#filling = target
    }
  }
}
