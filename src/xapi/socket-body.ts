/** What a socket receives, chunk by chunk, with backpressure: nothing more is read while chunks wait to be taken. */
import type { Socket } from 'node:net'
import { XapiConnectionError } from './errors.ts'

/** Received bytes that may wait before the socket is paused. */
const AHEAD = 1024 * 1024

export interface SocketBody {
  /**
   * The next chunk as it came, undefined at the end. Rejects when the connection breaks, when nothing comes for `idleMs`, or
   * with what `stop` was given. One at a time.
   */
  next(): Promise<Buffer | undefined>
  /** Hangs up; whoever waits for a chunk gets the reason. */
  stop(reason: unknown): void
}

export function socketBody(socket: Socket, first: Buffer, where: string, idleMs: number): SocketBody {
  const chunks: Buffer[] = first.length > 0 ? [first] : []
  let waiting = first.length
  let taken = 0
  let over: { readonly error?: unknown } | undefined
  let wake: (() => void) | undefined
  const end = (error?: unknown) => {
    over ??= error === undefined ? {} : { error }
    wake?.()
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    waiting += chunk.length
    if (waiting > AHEAD) socket.pause()
    wake?.()
  })
  socket.once('end', () => end())
  socket.once('error', (cause) =>
    end(new XapiConnectionError('broken', where, 'the connection broke in the middle of a transfer', { cause })),
  )
  socket.once('close', () => end(new XapiConnectionError('broken', where, 'the connection broke in the middle of a transfer')))
  if (socket.destroyed) end(new XapiConnectionError('broken', where, 'the connection broke in the middle of a transfer'))
  else socket.resume()

  return {
    async next() {
      if (taken === chunks.length && !over) {
        const timer = setTimeout(() => {
          end(new XapiConnectionError('timeout', where, `nothing came for ${idleMs / 1000} s in the middle of a transfer`))
          socket.destroy()
        }, idleMs)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
        clearTimeout(timer)
      }
      const chunk = chunks[taken]
      if (chunk !== undefined) {
        taken++
        waiting -= chunk.length
        // Taken ones are dropped all at once: taking from the front of a list one by one moves the whole list each time.
        if (taken === chunks.length) {
          chunks.length = 0
          taken = 0
        }
        if (waiting <= AHEAD / 2 && socket.isPaused()) socket.resume()
        return chunk
      }
      if (over && 'error' in over) throw over.error
      return undefined
    },
    stop(reason) {
      chunks.length = 0
      taken = 0
      waiting = 0
      over = { error: reason }
      socket.destroy()
      wake?.()
    },
  }
}
