/** Answers to READ, streamed piece by piece with two buffers: one is read to while the other is sent. */
import type { ClientSocket } from './client-socket.ts'

/** xapi-nbd sends pieces of 512 KiB (`nbd:lib/server.ml`: 128 pages). */
export const PIECE = 512 * 1024

export interface PieceBuffers {
  readonly first: Buffer
  readonly second: Buffer
}

/** Memory for one connection, used for all its reads. */
export function pieceBuffers(): PieceBuffers {
  return { first: Buffer.allocUnsafeSlow(PIECE), second: Buffer.allocUnsafeSlow(PIECE) }
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
  let buffer = buffers.first
  for (let done = 0; done < length; done += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, length - done))
    fill(piece, offset + done)
    await sending
    sending = socket.write(piece)
    sending.catch(() => undefined)
    buffer = buffer === buffers.first ? buffers.second : buffers.first
  }
  await sending
}
