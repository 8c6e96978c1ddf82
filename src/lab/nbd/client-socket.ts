/** A client's socket as the lab's NBD servers use it: exact reads, writes that wait for room, TLS from some point on. */
import type { Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { StreamTap } from '../faults/stream-tap.ts'
import { Link, type Traffic } from '../faults/traffic.ts'
import { whenArrived } from '../faults/when-arrived.ts'

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
  /** What carries TLS, once that is on. */
  readonly #plain: Socket
  #secured = false
  #gone = false
  #cutting = false
  #chunks: Buffer[] = []
  #buffered = 0
  #wake = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<void>()

  /** Once set, what is read and written goes through it. */
  tap: StreamTap | undefined
  readonly #link: Link | undefined
  readonly #over = Promise.withResolvers<void>()

  /** With `traffic` the bytes go through its network. */
  constructor(socket: Socket, traffic?: Traffic) {
    // The client's connect has cost a round trip.
    this.#link = traffic && new Link(traffic, 1)
    this.#socket = socket
    this.#plain = socket
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
    if (!this.tap || this.tap.idle) {
      this.tap?.count('in', target.length)
      return this.#fill(target)
    }
    const bytes = await this.tap.read(target.length, async (length) => {
      const piece = Buffer.allocUnsafe(length)
      await this.#fill(piece)
      return piece
    })
    if (bytes.length < target.length) throw new ClientGone()
    bytes.copy(target)
  }

  async #fill(target: Buffer): Promise<void> {
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
    if (this.tap && !this.tap.idle) return this.tap.write(bytes, (piece) => this.#send(piece))
    this.tap?.count('out', bytes.length)
    return this.#send(bytes)
  }

  #send(bytes: Buffer): Promise<void> {
    if (this.#link?.delays() && !this.#gone) return this.#link.send(bytes, (piece) => this.#socket.write(piece))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.#gone) reject(new ClientGone())
    else this.#socket.write(bytes, (error) => (error ? reject(new ClientGone()) : resolve()))
    return promise
  }

  /** Goes on with TLS as its server, version 1.2 as xapi-nbd has it. Resolves when the handshake is complete; ClientGone. */
  async secure(certificate: { readonly cert: string; readonly key: string }): Promise<void> {
    const plain = this.#socket
    // Two round trips of its own, after the answer that agreed on it has left.
    await new Promise<void>((sent) => (this.#link ? this.#link.afterSent(sent) : sent()))
    this.#link?.handshake(2)
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
    if (this.#cutting) return
    if (this.#link?.delays()) this.#link.afterSent(() => this.#end())
    else this.#end()
  }

  #end(): void {
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

  /** Cuts it once everything written has left. */
  cut(): void {
    this.#gone = true
    this.#cutting = true
    const { localPort = 0, remotePort = 0 } = this.#plain
    const reset = () => void this.#plain.resetAndDestroy()
    // As when the network breaks. A reset throws away what the system has not sent yet.
    const close = () => void this.#socket.write('', () => void whenArrived(localPort, remotePort, LINGER_MS).then(reset))
    if (this.#link?.delays()) this.#link.afterSent(close)
    else close()
    const timer = setTimeout(() => this.#socket.destroy(), 2 * LINGER_MS)
    this.#socket.once('close', () => clearTimeout(timer))
  }

  /** Resolves when the client has ended its side, or the connection is closed. */
  get ended(): Promise<void> {
    return this.#over.promise
  }

  #listen(socket: Socket): void {
    const gone = () => {
      this.#gone = true
      this.#over.resolve()
      this.#stir()
    }
    const receive = (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#buffered += chunk.length
      if (this.#buffered >= MOST_AHEAD) socket.pause()
      this.#stir()
    }
    socket.on('data', (chunk: Buffer) => {
      if (this.#link?.delays()) this.#link.arrive(chunk.length, () => receive(chunk), socket)
      else receive(chunk)
    })
    // What went wrong on a client's connection is of interest to nobody here; `close` follows.
    socket.on('error', gone)
    socket.on('end', () => {
      if (this.#link?.delays()) this.#link.arrive(0, gone, socket)
      else gone()
    })
    socket.on('close', () => {
      if (socket === this.#socket) this.#link?.drop()
      gone()
      if (socket === this.#socket) this.#closed.resolve()
    })
  }

  #stir(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
