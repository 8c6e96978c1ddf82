/** Bytes of one connection: reading what was asked for, writing with room, knowing when the other side is gone. */
import type { Socket } from 'node:net'
import { Link, type Traffic } from '../faults/traffic.ts'
import { whenArrived } from '../faults/when-arrived.ts'

/** Bytes kept in memory before the socket is told to wait. */
const BUFFER_BYTES = 1 << 20

/** Longest time that a connection stays after the last reply when the other side keeps its end open. */
const LINGER_MS = 2000

export class HeaderTimeout extends Error {}
export class HeaderTooLarge extends Error {}

export interface Connection {
  /** Exactly `length` bytes; fewer only at the end of the stream. The memory is the caller's. */
  read(length: number): Promise<Buffer>
  /** What has come, up to `length` bytes; waits for the first. None: the end of the stream. */
  readSome(length: number): Promise<Buffer>
  /** A header block up to and including its blank line; undefined at the end of the stream before the first byte. */
  readHeader(options: { readonly limit: number; readonly readMs?: number; readonly totalMs?: number }): Promise<string | undefined>
  write(data: string | Buffer): Promise<void>
  /** Ends the connection once everything written is out. */
  end(): void
  destroy(): void
  /** Closes the connection once everything written is out, as when the network breaks; nothing can be written any more. */
  cut(): void
  readonly gone: boolean
  /** Resolves when the other side has sent all it will, or the connection is closed. */
  readonly ended: Promise<void>
}

/** Round trips that TCP and TLS 1.3 take before the first byte. */
const HANDSHAKES = 2

export interface Below {
  /** The bytes go through its network. */
  readonly traffic: Traffic | undefined
  /** Resets what carries the TLS connection. */
  close(): void
}

export function connection(socket: Socket, below?: Below): Connection {
  const traffic = below?.traffic
  const link = traffic && new Link(traffic, HANDSHAKES)
  const over = Promise.withResolvers<void>()
  let chunks: Buffer[] = []
  let held = 0
  let ended = false
  let failed = false
  let wanted = 0
  let discarding = false
  let cutting = false
  let wake: (() => void) | undefined
  const notify = () => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }
  const receive = (chunk: Buffer) => {
    if (discarding) return
    chunks.push(chunk)
    held += chunk.length
    if (held >= Math.max(BUFFER_BYTES, wanted)) socket.pause()
    if (held >= wanted) notify()
  }
  const finish = () => {
    ended = true
    over.resolve()
    notify()
  }
  const fail = () => {
    failed = true
    link?.drop()
    finish()
  }
  socket.on('data', (chunk: Buffer) => {
    if (link?.delays()) link.arrive(chunk.length, () => receive(chunk), socket)
    else receive(chunk)
  })
  socket.on('end', () => {
    if (link?.delays()) link.arrive(0, finish, socket)
    else finish()
  })
  socket.on('error', fail)
  socket.on('close', fail)

  /** Waits until `bytes` are held, the stream ended or the time is up (then false). */
  const hold = async (bytes: number, ms?: number): Promise<boolean> => {
    if (held >= bytes || ended) return true
    wanted = bytes
    socket.resume()
    return await new Promise<boolean>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => settle(false), ms)
      const settle = (done: boolean) => {
        clearTimeout(timer)
        wake = undefined
        wanted = 0
        resolve(done)
      }
      wake = () => settle(true)
    })
  }
  const take = (length: number): Buffer => {
    const first = chunks[0]
    if (first && first.length >= length) {
      if (first.length === length) chunks.shift()
      else chunks[0] = first.subarray(length)
      held -= length
      return first.subarray(0, length)
    }
    const all = Buffer.concat(chunks)
    chunks = all.length > length ? [all.subarray(length)] : []
    held -= length
    return all.subarray(0, length)
  }

  return {
    get gone() {
      return failed || socket.destroyed
    },
    async read(length) {
      await hold(length)
      return take(Math.min(length, held))
    },
    async readSome(length) {
      await hold(1)
      return take(Math.min(length, chunks[0]?.length ?? 0))
    },
    async readHeader({ limit, readMs, totalMs }) {
      const deadline = totalMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + totalMs
      for (let seen = 0; ; ) {
        const all = chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? Buffer.alloc(0))
        chunks = all.length > 0 ? [all] : []
        const end = headerEnd(all, Math.max(0, seen - 4))
        if (end >= 0 ? end > limit : all.length > limit) throw new HeaderTooLarge()
        if (end >= 0) return take(end).toString('latin1')
        if (ended) return undefined
        seen = held
        const left = deadline - performance.now()
        const ms = readMs === undefined && totalMs === undefined ? undefined : Math.max(0, Math.min(readMs ?? left, left))
        if (!(await hold(held + 1, ms))) throw new HeaderTimeout()
      }
    },
    async write(data) {
      if (failed || socket.destroyed || socket.writableEnded) throw new Error('the other side is gone')
      if (link?.delays()) {
        await link.send(data, (piece) => socket.write(piece))
        if (failed || socket.destroyed) throw new Error('the other side is gone')
        return
      }
      if (socket.write(data)) return
      await new Promise<void>((resolve, reject) => {
        const settle = () => {
          socket.off('drain', settle)
          socket.off('close', settle)
          if (socket.destroyed) reject(new Error('the other side is gone'))
          else resolve()
        }
        socket.on('drain', settle)
        socket.on('close', settle)
      })
    },
    end() {
      if (socket.destroyed || cutting) return
      if (link?.delays()) link.afterSent(() => endSocket())
      else endSocket()
    },
    destroy() {
      socket.destroy()
    },
    cut() {
      failed = true
      cutting = true
      const { localPort = 0, remotePort = 0 } = socket
      const reset = () => (below ? below.close() : socket.destroy())
      // A reset throws away what the system has not sent yet.
      const close = () => void socket.write('', () => void whenArrived(localPort, remotePort, LINGER_MS).then(reset))
      if (socket.destroyed || socket.writableEnded) socket.destroy()
      else if (link?.delays()) link.afterSent(close)
      else close()
      // A client that reads nothing can't hold it up.
      const timer = setTimeout(() => socket.destroy(), 2 * LINGER_MS)
      socket.once('close', () => clearTimeout(timer))
    },
    ended: over.promise,
  }

  function endSocket(): void {
    if (socket.destroyed || socket.writableEnded) return
    // What still comes is thrown away for a while, so that the last reply arrives before the connection is reset.
    discarding = true
    chunks = []
    held = 0
    socket.end()
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    const done = () => {
      clearTimeout(timer)
      socket.destroy()
    }
    if (ended) socket.once('finish', done)
    else socket.once('end', done)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** Where the blank line ends; -1 when it has not come. Lines may end with a bare line feed. */
function headerEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(10, from); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3
  }
  return -1
}
