/** Writes the disks of an archive (recv_all_vdi in xen-api ocaml/xapi/stream_vdi.ml). */
import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { type Disk, XapiFailure } from '../pool.ts'
import type { ByteSource } from './byte-streams.ts'
import { ArchiveFault } from './ova-xml.ts'
import { contentOf, nextMember } from './read-archive.ts'
import { xxh64 } from './xxh64.ts'

/** Writers use 1 MiB. A host takes what fits in its memory; here something has to be too much. */
const MAX_CHUNK_BYTES = 16 << 20
const MAX_CHECKSUM_BYTES = 128
const WRITE_BYTES = 256 << 10
const SECTOR = 512

export interface Receiving {
  /** Bytes of the disk: that many are taken, holes included. */
  readonly size: number
  /** `Ref:n` */
  readonly id: string
  /** Whether checksums that don't fit are passed over. */
  readonly force: boolean
  /** Told of bytes taken and passed over. */
  readonly done: (bytes: number) => void
}

/** The length of an archive's very first piece: numbers that are left out stand for that much, on every disk. */
export interface FirstChunk {
  length: number | undefined
}

/**
 * Takes the members of one disk, which is all zeroes before. The place of a piece follows from what came before and the numbers
 * left out, not from its own number. Throws ArchiveFault for what is out of order or has another checksum.
 */
export async function receiveDisk(source: ByteSource, disk: Disk, first: FirstChunk, { size, id, force, done }: Receiving): Promise<void> {
  let last = ''
  for (let offset = 0; offset < size; ) {
    const member = await nextMember(source)
    const suffix = suffixOf(member.name, id)
    if (last !== '' && suffix <= last) throw new ArchiveFault(`${member.name} does not come after ${id}/${last}`)
    if (member.size > MAX_CHUNK_BYTES) throw new ArchiveFault(`${member.name} has ${member.size} bytes`)
    first.length ??= member.size
    const skipped = (Number(suffix) - (last === '' ? -1 : Number(last)) - 1) * first.length
    const data = await contentOf(source, member)
    await write(disk, offset + skipped, data)
    await checkSum(source, member.name, data, force)
    done(skipped + data.length)
    offset += skipped + data.length
    last = suffix
  }
}

function suffixOf(name: string, id: string): string {
  const suffix = name.startsWith(`${id}/`) ? name.slice(id.length + 1) : ''
  if (!/^\d{1,15}$/.test(suffix)) throw new ArchiveFault(`a piece of ${id} is due, and ${name} has come`)
  return suffix
}

async function write(disk: Disk, offset: number, data: Buffer): Promise<void> {
  if (offset + data.length > disk.size) throw new ArchiveFault('No space left on device')
  if (offset % SECTOR !== 0 || data.length % SECTOR !== 0) throw new ArchiveFault('a piece of a disk does not end with a sector')
  try {
    for (let at = 0; at < data.length; at += WRITE_BYTES) disk.write(offset + at, data.subarray(at, at + WRITE_BYTES))
  } catch (error) {
    // The kernel says no more than EIO of whatever went wrong below.
    throw error instanceof XapiFailure ? new XapiFailure('VDI_IO_ERROR', ['Device I/O error']) : error
  }
  await turn()
}

async function checkSum(source: ByteSource, name: string, data: Buffer, force: boolean): Promise<void> {
  const member = await nextMember(source)
  const computed = digestOf(member.name, data)
  if (computed === undefined || member.size > MAX_CHECKSUM_BYTES) throw new ArchiveFault(`a checksum is due, and ${member.name} has come`)
  const told = (await contentOf(source, member)).toString('latin1')
  // Looked up under the name it is for, so a sum of another piece is none.
  if (!member.name.startsWith(`${name}.`)) throw new ArchiveFault(`the checksum of ${name} is due, and ${member.name} has come`)
  if (told !== computed && !force) throw new ArchiveFault(`Block ${name} checksum failed: original = ${told}; recomputed = ${computed}`)
}

/** XXH64, or SHA-1 as older writers made it. */
function digestOf(name: string, data: Buffer): string | undefined {
  if (name.endsWith('.xxhash')) return xxh64(data)
  return name.endsWith('.checksum') ? createHash('sha1').update(data).digest('hex') : undefined
}
