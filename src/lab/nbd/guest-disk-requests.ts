/** Serves a guest's requests on its disk, one after the other. Any byte range is fine: sectors at the edges are completed. */
import { COMMAND, COMMAND_FLAG_FUA, COMMAND_FLAG_NO_HOLE, ERRNO, REQUEST_LENGTH } from '../../nbd/protocol.ts'
import { decodeRequest, encodeSimpleReply } from '../../nbd/transmission.ts'
import type { Disk } from '../pool.ts'
import type { ClientSocket } from './client-socket.ts'
import { PIECE, PieceBuffers, streamRead } from './stream-read.ts'

/** Longest read and write. */
export const MOST_GUEST_BYTES = 32 * 1024 * 1024
const SECTOR = 512
/** Bytes zeroed in one go. */
const ZERO_PIECE = 16 * 1024 * 1024

export interface ServedDisk {
  /** The disk as of now; throws while no guest can use it. */
  readonly disk: () => Disk
  /** Bytes, as the client was told. */
  readonly size: number
  readonly writable: boolean
}

interface Range {
  readonly offset: number
  readonly length: number
}

/** Serves until the client says goodbye; returns early to hang up on one that can't be understood. ClientGone when it just leaves. */
export async function serveGuestRequests(client: ClientSocket, served: ServedDisk): Promise<void> {
  const buffers = new PieceBuffers()
  for (;;) {
    const { command, flags, cookie, offset, length } = decodeRequest(await client.read(REQUEST_LENGTH))
    const reply = (error: number) => client.write(encodeSimpleReply(cookie, error))
    const inside = offset + BigInt(length) <= BigInt(served.size)
    const range: Range = { offset: Number(offset), length }
    const refusal = refuses(flags, command) ? ERRNO.EINVAL : undefined
    switch (command) {
      case COMMAND.disconnect:
        return
      case COMMAND.read:
        if (refusal !== undefined || !inside || length > MOST_GUEST_BYTES) await reply(refusal ?? ERRNO.EINVAL)
        else if (unusable(served)) await reply(ERRNO.EIO)
        else await read(client, encodeSimpleReply(cookie, 0), range, buffers, served)
        break
      case COMMAND.write:
        // The payload of a write that is too long is not worth reading to the end.
        if (length > MOST_GUEST_BYTES) return
        await reply(await write(client, range, buffers, served, refusal ?? mayWrite(served, inside)))
        break
      case COMMAND.flush:
        await reply(refusal ?? (unusable(served) ? ERRNO.EIO : 0))
        break
      case COMMAND.trim:
      case COMMAND.writeZeroes:
        await reply(refusal ?? mayWrite(served, inside) ?? (await clear(range, command === COMMAND.trim, served)))
        break
      default:
        await reply(ERRNO.EINVAL)
    }
  }
}

/** Whether a request carries flags that its command does not know. FUA says no more than what holds anyway: writes are in order. */
function refuses(flags: number, command: number): boolean {
  const known = COMMAND_FLAG_FUA | (command === COMMAND.writeZeroes ? COMMAND_FLAG_NO_HOLE : 0)
  return (flags & ~known) !== 0
}

function unusable({ disk }: ServedDisk): boolean {
  try {
    disk()
    return false
  } catch {
    return true
  }
}

function mayWrite(served: ServedDisk, inside: boolean): number | undefined {
  if (!served.writable) return ERRNO.EPERM
  if (!inside) return ERRNO.ENOSPC
  return unusable(served) ? ERRNO.EIO : undefined
}

/** Throws when the disk fails after the header has left: hanging up is the only way to say so. */
function read(client: ClientSocket, header: Buffer, range: Range, buffers: PieceBuffers, { disk }: ServedDisk): Promise<void> {
  return streamRead(client, header, range, buffers, (target, offset) => {
    const whole = aligned({ offset, length: target.length })
    if (whole.length === target.length) disk().readInto(target, offset)
    else
      disk()
        .read(whole.offset, whole.length)
        .copy(target, 0, offset - whole.offset)
  })
}

/** Takes the payload in any case, so that the next request is found; returns the error number to answer with. */
async function write(
  client: ClientSocket,
  { offset, length }: Range,
  buffers: PieceBuffers,
  served: ServedDisk,
  refusal: number | undefined,
): Promise<number> {
  let error = refusal ?? 0
  for (let done = 0; done < length; done += PIECE) {
    const piece = buffers.of('first', Math.min(PIECE, length - done))
    await client.readInto(piece)
    if (error === 0) error = attempt(() => writePiece(served.disk(), offset + done, piece))
  }
  return error
}

function writePiece(disk: Disk, offset: number, piece: Buffer): void {
  const whole = aligned({ offset, length: piece.length })
  if (whole.length === piece.length) {
    disk.write(offset, piece)
    return
  }
  const sectors = disk.read(whole.offset, whole.length)
  piece.copy(sectors, offset - whole.offset)
  disk.write(whole.offset, sectors)
}

/** Makes the range zero without holding space for it. A trim leaves alone what is no whole sector. */
async function clear({ offset, length }: Range, wholeSectorsOnly: boolean, served: ServedDisk): Promise<number> {
  const end = offset + length
  const from = Math.min(end, Math.ceil(offset / SECTOR) * SECTOR)
  const to = Math.max(from, Math.floor(end / SECTOR) * SECTOR)
  for (let at = from; at < to; at += ZERO_PIECE) {
    const error = attempt(() => served.disk().zero(at, Math.min(ZERO_PIECE, to - at)))
    if (error !== 0) return error
    // A terabyte can be zeroed with one request: others get their turn.
    await new Promise(setImmediate)
  }
  if (wholeSectorsOnly) return 0
  return attempt(() => {
    if (from > offset) writePiece(served.disk(), offset, Buffer.alloc(from - offset))
    if (end > to) writePiece(served.disk(), to, Buffer.alloc(end - to))
  })
}

/** The error number of what was tried: the disk can't be used, is full, or was not reached. */
function attempt(work: () => void): number {
  try {
    work()
    return 0
  } catch {
    return ERRNO.EIO
  }
}

function aligned({ offset, length }: Range): Range {
  const from = Math.floor(offset / SECTOR) * SECTOR
  return { offset: from, length: Math.ceil((offset + length) / SECTOR) * SECTOR - from }
}
