/**
 * Disks in an archive: members of 1 MiB named by the disk and a running number, each followed by its checksum
 * (xen-api ocaml/xapi/stream_vdi.ml). A piece of zeroes is left out, except the first and the last of a disk.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { isZero } from '../../block/zeroes.ts'
import type { Disk } from '../pool.ts'
import type { ByteSink } from './byte-streams.ts'
import { encodeTarHeader, paddingAfter, TAR_BLOCK } from './tar-header.ts'
import { xxh64 } from './xxh64.ts'

export const CHUNK_BYTES = 1 << 20
/** After this long without a byte, an empty member keeps firewalls from closing the connection. */
const SILENCE_MS = 5000
/** Disk reads are synchronous: pieces of this size, and holes looked at that many at a time, then others get their turn. */
const READ_BYTES = 256 << 10
const HOLES_AT_ONCE = 256

export interface SentDisk {
  /** `Ref:n` */
  readonly id: string
  readonly disk: Disk
}

/**
 * Sends one disk. `done` is told of bytes passed over or sent; what it throws ends the transfer. `now`: milliseconds of a clock
 * that only goes forward.
 */
export async function sendDisk(
  sink: ByteSink,
  { id, disk }: SentDisk,
  done: (bytes: number) => void,
  now: () => number = () => performance.now(),
): Promise<void> {
  const { size } = disk
  const member = Buffer.alloc(CHUNK_BYTES + 3 * TAR_BLOCK)
  let lastSent = now()
  let number = 0
  for (let offset = 0, looked = 0; offset < size; number++) {
    const length = Math.min(CHUNK_BYTES, size - offset)
    const firstOrLast = offset === 0 || offset + length === size
    const name = `${id}/${String(number).padStart(8, '0')}`
    if (!firstOrLast && now() - lastSent > SILENCE_MS) {
      // It takes a number, and no place on the disk: whoever reads counts places, not numbers.
      await sink.write(fillMember(member, name, 0))
      lastSent = now()
      continue
    }
    const data = member.subarray(TAR_BLOCK, TAR_BLOCK + length)
    if (firstOrLast || disk.holdsData(offset, length)) {
      for (let at = 0; at < length; at += READ_BYTES) disk.readInto(data.subarray(at, Math.min(length, at + READ_BYTES)), offset + at)
      if (firstOrLast || !isZero(data)) {
        await sink.write(fillMember(member, name, length))
        lastSent = now()
      }
      await turn()
    } else if (++looked % HOLES_AT_ONCE === 0) await turn()
    done(length)
    offset += length
  }
}

/** Puts header, padding and checksum around the data that is in place; the part of the buffer that is to be sent. */
function fillMember(member: Buffer, name: string, length: number): Buffer {
  encodeTarHeader(name, length).copy(member)
  const data = member.subarray(TAR_BLOCK, TAR_BLOCK + length)
  const sum = Buffer.from(xxh64(data))
  const end = TAR_BLOCK + length
  let at = end + paddingAfter(length)
  member.fill(0, end, at)
  encodeTarHeader(`${name}.xxhash`, sum.length).copy(member, at)
  at += TAR_BLOCK
  member.fill(0, at, at + TAR_BLOCK)
  sum.copy(member, at)
  return member.subarray(0, at + TAR_BLOCK)
}
