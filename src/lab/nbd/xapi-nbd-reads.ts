/** How xapi-nbd serves (`serve` in xapi-project/nbd `lib/server.ml`): reads, one after the other; any error ends the connection. */
import { encodeExportInfo } from '../../nbd/handshake.ts'
import { COMMAND, ERRNO, EXPORT_FLAG, REQUEST_LENGTH } from '../../nbd/protocol.ts'
import { decodeRequest, encodeSimpleReply } from '../../nbd/transmission.ts'
import type { Disk } from '../pool.ts'
import type { ClientSocket } from './client-socket.ts'
import { PieceBuffers, streamRead } from './stream-read.ts'

const SECTOR = 512n
/** Lengths are read as a signed number of 32 bits. */
const MOST_LENGTH = 2 ** 31 - 1

/**
 * Tells size and flags, with the 124 zeroes, and serves until the client leaves or an error reply was sent: the caller hangs
 * up in any case. Throws what the disk throws, after an OK header: the client sees the payload end too early.
 */
export async function serveReads(client: ClientSocket, disk: Disk): Promise<void> {
  await client.write(encodeExportInfo({ size: disk.size, flags: EXPORT_FLAG.hasFlags | EXPORT_FLAG.readOnly }, true))
  const buffers = new PieceBuffers()
  for (;;) {
    const { command, cookie, offset, length } = decodeRequest(await client.read(REQUEST_LENGTH))
    if (command === COMMAND.disconnect) return
    if (command !== COMMAND.read) return client.write(encodeSimpleReply(cookie, command === COMMAND.write ? ERRNO.EPERM : ERRNO.EINVAL))
    if (offset % SECTOR !== 0n || BigInt(length) % SECTOR !== 0n) return client.write(encodeSimpleReply(cookie, ERRNO.EINVAL))
    if (length > MOST_LENGTH) return
    await streamRead(client, encodeSimpleReply(cookie, 0), { offset: Number(offset), length }, buffers, (target, from) =>
      disk.readInto(target, from),
    )
  }
}
