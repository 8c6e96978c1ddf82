/** The socket below a connection: plain or TLS, read in exact pieces while negotiating, then straight into the targets of replies. */
import { createHash, X509Certificate } from 'node:crypto'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { NbdError } from './nbd-error.ts'
import { type ReadInto, readInto } from './read-into.ts'
import type { ReplyReader } from './transmission.ts'

export type NbdAddress = { readonly host: string; readonly port: number } | { readonly socketPath: string }

/** Bytes that a server may send ahead of what was asked while negotiating. */
const MAX_AHEAD = 128 * 1024
const KEEP_ALIVE_MS = 30_000

/** What a server's address looks like in messages. */
export function showAddress(address: NbdAddress): string {
  if ('socketPath' in address) return address.socketPath
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** SHA-256 of a PEM certificate's DER form (of the first one, when there are several). NBD_CERTIFICATE_INVALID. */
export function certificateDigest(pem: string): string {
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')
  } catch (cause) {
    throw new NbdError('NBD_CERTIFICATE_INVALID', 'the certificate to expect of the NBD server is not a PEM certificate', { cause })
  }
}

/** Calls `failed` once, when the connection is of no use any more, whoever is to blame. */
export class Wire {
  readonly address: string
  /** Why the wire broke; undefined while it works. An abort's reason can be anything. */
  failure: { readonly reason: unknown } | undefined
  readonly #timeoutMs: number
  readonly #closed = Promise.withResolvers<void>()
  #socket: Socket
  #phase: 'connecting' | 'open' | 'securing' = 'connecting'
  #ahead: Buffer[] = []
  #aheadLength = 0
  #taking: { length: number; resolve(bytes: Buffer): void; reject(reason: unknown): void } | undefined
  #scratch = Buffer.allocUnsafeSlow(4096)
  #reader: ReplyReader | undefined
  #onFailure: ((reason: unknown) => void) | undefined
  #waiting = false
  #moved = false
  #watchdog: NodeJS.Timeout | undefined
  #quietTicks = 0
  #corked = false
  readonly #direct: ReadInto = { buffer: () => this.#space(), callback: (count, into) => this.#received(count, into) }

  /**
   * Starts connecting. `direct` reads into the targets of replies without a copy; it has to be decided now, and is not possible
   * for a socket that TLS is put on later. `timeoutMs`: longest time without a byte while something is awaited.
   */
  constructor(address: NbdAddress, { direct, timeoutMs }: { direct: boolean; timeoutMs: number }) {
    this.address = showAddress(address)
    this.#timeoutMs = timeoutMs
    const where = 'socketPath' in address ? { path: address.socketPath } : { host: address.host, port: address.port }
    this.#socket = connect({
      ...where,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      ...(direct ? { onread: this.#direct } : {}),
    })
    if (!direct) this.#socket.on('data', this.#chunk)
    this.#listen(this.#socket)
  }

  /** Resolves when the socket is connected; NBD_CONNECT_FAILED when it is not after `timeoutMs`. */
  async connected(timeoutMs: number): Promise<void> {
    const socket = this.#socket
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#onFailure = reject
    socket.once('connect', resolve)
    const timer = setTimeout(() => this.#broke('no answer'), timeoutMs)
    if (this.failure !== undefined) reject(this.failure.reason)
    try {
      await promise
      this.#phase = 'open'
    } finally {
      clearTimeout(timer)
      socket.off('connect', resolve)
      this.#onFailure = undefined
    }
  }

  /** The next `length` bytes; for the negotiation. Rejects with why the wire broke. */
  take(length: number): Promise<Buffer> {
    if (this.failure !== undefined) return Promise.reject(this.failure.reason)
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    this.#taking = { length, resolve, reject }
    this.expect(true)
    this.#serve()
    return promise
  }

  write(bytes: Buffer): void {
    if (this.failure !== undefined) return
    if (!this.#corked) {
      // What is written within one turn leaves in one piece.
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(bytes)
  }

  /**
   * Puts TLS on the wire; the server has just agreed. Nothing of the caller's is sent unless the server has proven to hold exactly
   * the certificate whose SHA-256 is `digest`: the pin takes the place of the chain and name checks.
   */
  async secure({ digest, servername }: { digest: string; servername: string | undefined }): Promise<void> {
    if (this.#aheadLength > 0) {
      throw this.fail(new NbdError('NBD_PROTOCOL', 'bytes in clear text after the server agreed to TLS', { address: this.address }))
    }
    this.#phase = 'securing'
    const plain = this.#socket
    plain.off('data', this.#chunk)
    const secured = connectTls({
      socket: plain,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      ...(servername !== undefined && servername !== '' && isIP(servername) === 0 ? { servername } : {}),
    })
    const direct = readInto(secured, this.#direct)
    this.#socket = secured
    this.#listen(secured)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#onFailure = reject
    secured.once('secureConnect', () => {
      const presented = secured.getPeerX509Certificate()
      if (presented !== undefined && createHash('sha256').update(presented.raw).digest('hex') === digest) return resolve()
      this.fail(
        new NbdError('NBD_CERTIFICATE_MISMATCH', 'the server presented another certificate than the expected one', {
          address: this.address,
        }),
      )
    })
    this.expect(true)
    if (this.failure !== undefined) reject(this.failure.reason)
    try {
      await promise
    } finally {
      this.#onFailure = undefined
    }
    this.#phase = 'open'
    if (!direct) secured.on('data', this.#chunk)
  }

  /** From now on every byte goes to `reader`. */
  stream(reader: ReplyReader, failed: (reason: unknown) => void): void {
    if (this.#aheadLength > 0) {
      this.fail(new NbdError('NBD_PROTOCOL', 'bytes after the negotiation that nobody asked for', { address: this.address }))
    }
    this.#reader = reader
    this.#onFailure = failed
    this.expect(false)
    if (this.failure !== undefined) failed(this.failure.reason)
  }

  /** Says whether something is awaited of the server: only then silence counts as a fault. */
  expect(waiting: boolean): void {
    if (waiting === this.#waiting) return
    this.#waiting = waiting
    // A new wait starts with a full allowance.
    this.#moved = true
    if (!waiting || this.#watchdog !== undefined || this.failure !== undefined) return
    this.#quietTicks = 0
    this.#watchdog = setInterval(this.#watch, Math.max(1, this.#timeoutMs / 4)).unref()
  }

  /** Breaks the wire. Returns the first reason it was broken for. */
  fail(reason: unknown): unknown {
    if (this.failure !== undefined) return this.failure.reason
    this.failure = { reason }
    clearInterval(this.#watchdog)
    this.#watchdog = undefined
    this.#socket.destroy()
    this.#ahead = []
    const { reject } = this.#taking ?? {}
    this.#taking = undefined
    reject?.(reason)
    this.#onFailure?.(reason)
    return reason
  }

  /** Sends the last bytes, ends the stream in order and waits until the socket is closed, at most `waitMs`. */
  async end(last: Buffer, waitMs: number): Promise<void> {
    if (this.failure === undefined) {
      this.#socket.end(last)
      // With this nothing reads any more, but the server's end still has to be seen.
      this.#reader = undefined
    }
    const timer = setTimeout(() => this.#socket.destroy(), waitMs)
    await this.#closed.promise
    clearTimeout(timer)
  }

  #listen(socket: Socket): void {
    socket.on('error', (cause: NodeJS.ErrnoException) => this.#broke(cause.code ?? cause.message, cause))
    socket.on('end', () => this.#broke('the server hung up'))
    socket.on('close', () => {
      this.#broke('the server hung up')
      if (socket === this.#socket) this.#closed.resolve()
    })
  }

  #broke(why: string, cause?: unknown): void {
    const details = { address: this.address, cause }
    if (this.#phase === 'connecting') this.fail(new NbdError('NBD_CONNECT_FAILED', `cannot connect: ${why}`, details))
    else if (this.#phase === 'securing') this.fail(new NbdError('NBD_TLS_FAILED', `the TLS handshake failed: ${why}`, details))
    else this.fail(new NbdError('NBD_CLOSED', `the connection broke: ${why}`, details))
  }

  readonly #watch = (): void => {
    if (this.#moved) {
      this.#moved = false
      this.#quietTicks = 0
      if (this.#waiting) return
    }
    if (!this.#waiting) {
      clearInterval(this.#watchdog)
      this.#watchdog = undefined
      return
    }
    this.#quietTicks++
    if (this.#quietTicks < 4) return
    this.fail(new NbdError('NBD_TIMEOUT', `nothing came from the server for ${this.#timeoutMs} ms`, { address: this.address }))
  }

  #space(): Uint8Array {
    return this.#reader?.space() ?? this.#scratch
  }

  #received(count: number, into: Uint8Array): boolean {
    this.#moved = true
    const reader = this.#reader
    // The memory was chosen before the bytes came: perhaps still the scratch of the negotiation.
    if (reader === undefined || into === this.#scratch || into !== reader.space()) {
      this.#chunk(Buffer.from(into.buffer, into.byteOffset, count))
      return true
    }
    try {
      reader.filled(count)
    } catch (error) {
      this.#refuse(error)
    }
    return true
  }

  readonly #chunk = (chunk: Buffer): void => {
    this.#moved = true
    if (this.failure !== undefined) return
    if (this.#reader !== undefined) {
      try {
        this.#reader.push(chunk)
      } catch (error) {
        this.#refuse(error)
      }
      return
    }
    this.#ahead.push(Buffer.from(chunk))
    this.#aheadLength += chunk.length
    if (this.#aheadLength > MAX_AHEAD) {
      this.fail(new NbdError('NBD_PROTOCOL', 'the server sends more than it was asked for', { address: this.address }))
      return
    }
    this.#serve()
  }

  #refuse(error: unknown): void {
    this.fail(error instanceof NbdError ? new NbdError(error.code, error.message, { address: this.address }) : error)
  }

  #serve(): void {
    const taking = this.#taking
    if (taking === undefined || this.#aheadLength < taking.length) return
    const all = this.#ahead.length === 1 && this.#ahead[0] !== undefined ? this.#ahead[0] : Buffer.concat(this.#ahead)
    this.#ahead = all.length === taking.length ? [] : [all.subarray(taking.length)]
    this.#aheadLength = all.length - taking.length
    this.#taking = undefined
    this.expect(false)
    taking.resolve(all.subarray(0, taking.length))
  }
}
