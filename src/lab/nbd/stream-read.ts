/** Answers to READ, streamed piece by piece with two buffers: one is read to while the other is sent. */
import type { ClientSocket } from './client-socket.ts'

/** xapi-nbd sends pieces of 512 KiB (`nbd:lib/server.ml`: 128 pages). */
export const PIECE = 512 * 1024

export type PieceBuffer = 'first' | 'second'

/** Memory for one connection, used for all its pieces: as much as the longest has needed. At most PIECE bytes are asked for. */
export class PieceBuffers {
  readonly #buffers = { first: Buffer.alloc(0), second: Buffer.alloc(0) }

  of(which: PieceBuffer, length: number): Buffer {
    if (this.#buffers[which].length < length) this.#buffers[which] = Buffer.allocUnsafeSlow(length > PIECE / 8 ? PIECE : PIECE / 8)
    return this.#buffers[which].subarray(0, length)
  }
}

/**
 * Sends `header`, then `length` bytes that `fill` reads to the memory it is given, from the offset it is given on. What `fill` throws
 * comes out, after what was sent before: the stream can't be used any more then.
 */
export async function streamRead(
  socket: ClientSocket,
  header: Buffer,
  { offset, length }: { readonly offset: number; readonly length: number },
  buffers: PieceBuffers,
  fill: (target: Buffer, offset: number) => void,
): Promise<void> {
  let sending = socket.write(header)
  // Rejections are seen below; until then nobody must take them for unhandled.
  sending.catch(() => undefined)
  let which: PieceBuffer = 'first'
  for (let done = 0; done < length; done += PIECE) {
    const piece = buffers.of(which, Math.min(PIECE, length - done))
    fill(piece, offset + done)
    await sending
    sending = socket.write(piece)
    sending.catch(() => undefined)
    which = which === 'first' ? 'second' : 'first'
  }
  await sending
}
