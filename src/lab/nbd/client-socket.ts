/** A client's socket as the lab's NBD servers use it: exact reads, writes that wait for room, TLS from some point on. */
import type { Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

/** Bytes that are taken from the network ahead of what the server has asked for. */
const MOST_AHEAD = 1024 * 1024
const LINGER_MS = 1_000

/** The client is gone, in whatever way: nothing more can be done for it. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
  constructor() {
    super('the NBD client is gone')
  }
}

export class ClientSocket {
  #socket: Socket
  #secured = false
  #gone = false
  #chunks: Buffer[] = []
  #buffered = 0
  #wake = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<void>()

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    this.#listen(socket)
  }

  /** Whether TLS is on. */
  get secured(): boolean {
    return this.#secured
  }

  /** Resolves when the socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** The next `length` bytes. ClientGone when they don't come. */
  async read(length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length)
    await this.readInto(bytes)
    return bytes
  }

  /** Fills `target`. ClientGone when the bytes don't come. */
  async readInto(target: Buffer): Promise<void> {
    let at = 0
    while (at < target.length) {
      const chunk = this.#chunks[0]
      if (chunk === undefined) {
        if (this.#gone) throw new ClientGone()
        await this.#wake.promise
        continue
      }
      const count = chunk.copy(target, at)
      at += count
      this.#buffered -= count
      if (count === chunk.length) this.#chunks.shift()
      else this.#chunks[0] = chunk.subarray(count)
      if (this.#buffered < MOST_AHEAD) this.#socket.resume()
    }
  }

  /** Resolves when the bytes are handed to the system, so that their memory may be used again. ClientGone. */
  write(bytes: Buffer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.#gone) reject(new ClientGone())
    else this.#socket.write(bytes, (error) => (error ? reject(new ClientGone()) : resolve()))
    return promise
  }

  /** Goes on with TLS as its server, version 1.2 as xapi-nbd has it. Resolves when the handshake is complete; ClientGone. */
  async secure(certificate: { readonly cert: string; readonly key: string }): Promise<void> {
    const plain = this.#socket
    plain.removeAllListeners('data')
    plain.pause()
    // A client that did not wait for the answer has started its handshake already.
    const early = Buffer.concat(this.#chunks.splice(0))
    this.#buffered = 0
    if (early.length > 0) plain.unshift(early)
    const secured = new TLSSocket(plain, {
      isServer: true,
      secureContext: createSecureContext({ ...certificate, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }),
    })
    this.#socket = secured
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    secured.once('secure', resolve)
    secured.once('close', () => reject(new ClientGone()))
    this.#listen(secured)
    await promise
    this.#secured = true
  }

  /** Ends the stream in order, once everything written has left; a client that keeps its side open is cut off soon after. */
  end(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    if (this.#gone) socket.end(() => socket.destroy())
    else socket.end()
    // Nobody reads any more: what still comes is thrown away, so that the end is seen.
    socket.removeAllListeners('data')
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.destroy()
  }

  #listen(socket: Socket): void {
    const gone = () => {
      this.#gone = true
      this.#stir()
    }
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#buffered += chunk.length
      if (this.#buffered >= MOST_AHEAD) socket.pause()
      this.#stir()
    })
    // What went wrong on a client's connection is of interest to nobody here; `close` follows.
    socket.on('error', gone)
    socket.on('end', gone)
    socket.on('close', () => {
      gone()
      if (socket === this.#socket) this.#closed.resolve()
    })
  }

  #stir(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
