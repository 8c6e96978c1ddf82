/**
 * What the beginning of a disk looks like to firmware and boot loaders. It recognises; it proves nothing about what comes behind.
 * Formats: UEFI specification 2.10 chapter 5 (GPT, MBR); superblocks as the kernel's file systems document them.
 */
import { crc32 } from 'node:zlib'

/** Bytes from the start of the disk that are looked at. */
export const HEAD_BYTES = 128 * 1024
const SECTOR = 512
const GPT_ENTRIES_MOST = 1024
/** The type of an EFI system partition as it lies on disk (the first three parts little-endian). */
const EFI_SYSTEM = '28732ac11ff8d211ba4b00a0c93ec93b'

export interface Looks {
  /** `broken`: structures that contradict themselves. `blank`: all zeroes. `unknown`: nothing that we know. */
  readonly kind: 'partitions' | 'file-system' | 'blank' | 'unknown' | 'broken'
  /** One clause. */
  readonly text: string
  /** A boot loader's code or an EFI system partition is there. */
  readonly boot: boolean
}

/** `head`: the first HEAD_BYTES of the disk, or the whole of a smaller one; `size`: of the disk, in bytes. */
export function looksBootable(head: Buffer, size: number): Looks {
  if (head.every((byte) => byte === 0)) return { kind: 'blank', text: 'it begins with zeroes only', boot: false }
  const fileSystem = fileSystemOf(head)
  const signed = head.length >= SECTOR && head.readUInt16LE(510) === 0xaa55
  if (signed && head.subarray(SECTOR, SECTOR + 8).toString('latin1') === 'EFI PART') return gpt(head, size)
  if (signed && fileSystem === undefined) return mbr(head, size)
  if (fileSystem !== undefined) return { kind: 'file-system', text: `${fileSystem} over the whole disk, no partitions`, boot: signed }
  return { kind: 'unknown', text: 'neither partitions nor a file system that we know', boot: false }
}

function gpt(head: Buffer, size: number): Looks {
  const header = head.subarray(SECTOR, 2 * SECTOR)
  const broken = (text: string): Looks => ({ kind: 'broken', text: `GPT: ${text}`, boot: false })
  const length = header.readUInt32LE(12)
  if (length < 92 || length > SECTOR) return broken(`a header of ${length} bytes`)
  const zeroed = Buffer.from(header.subarray(0, length))
  zeroed.writeUInt32LE(0, 16)
  if (crc32(zeroed) !== header.readUInt32LE(16)) return broken('the checksum of its header is wrong')
  const lastUsable = Number(header.readBigUInt64LE(48))
  if ((lastUsable + 1) * SECTOR > size) return broken('it goes beyond the end of the disk')
  const begin = Number(header.readBigUInt64LE(72)) * SECTOR
  const [count, each] = [header.readUInt32LE(80), header.readUInt32LE(84)]
  if (count > GPT_ENTRIES_MOST || each < 128 || each > 4096) return broken(`a table of ${count} entries of ${each} bytes`)
  const table = head.subarray(begin, begin + count * each)
  if (table.length < count * each) return { kind: 'partitions', text: 'GPT, its table farther behind', boot: false }
  if (crc32(table) !== header.readUInt32LE(88)) return broken('the checksum of its table is wrong')
  const types = Array.from({ length: count }, (_, nth) => table.toString('hex', nth * each, nth * each + 16)).filter((type) =>
    /[^0]/.test(type),
  )
  const efi = types.includes(EFI_SYSTEM)
  return {
    kind: 'partitions',
    text: `GPT with ${counted(types.length)}${efi ? ', one of them an EFI system partition' : ''}`,
    boot: efi || hasCode(head),
  }
}

function mbr(head: Buffer, size: number): Looks {
  const entries = [0, 1, 2, 3].map((nth) => head.subarray(446 + 16 * nth, 462 + 16 * nth)).filter((entry) => entry[4] !== 0)
  const outside = entries.find((entry) => (entry.readUInt32LE(8) + entry.readUInt32LE(12)) * SECTOR > size)
  if (outside !== undefined) return { kind: 'broken', text: 'MBR: a partition goes beyond the end of the disk', boot: false }
  if (entries.length === 0) return { kind: 'unknown', text: 'a boot sector without partitions', boot: hasCode(head) }
  return { kind: 'partitions', text: `MBR with ${counted(entries.length)}`, boot: hasCode(head) }
}

/** Code of a boot loader in the first sector, before the table of partitions. */
const hasCode = (head: Buffer) => head.subarray(0, 440).some((byte) => byte !== 0)
const counted = (count: number) => `${count} partition${count === 1 ? '' : 's'}`

/** Magic numbers with their places. */
const MAGIC: readonly (readonly [name: string, offset: number, magic: Buffer])[] = [
  ['ext2/3/4', 1024 + 56, Buffer.from([0x53, 0xef])],
  ['XFS', 0, Buffer.from('XFSB')],
  ['NTFS', 3, Buffer.from('NTFS    ')],
  ['btrfs', 65536 + 64, Buffer.from('_BHRfS_M')],
  ['FAT32', 82, Buffer.from('FAT32   ')],
  ['FAT16', 54, Buffer.from('FAT16   ')],
  ['an LVM volume', SECTOR, Buffer.from('LABELONE')],
  ['swap space', 4086, Buffer.from('SWAPSPACE2')],
  ['LUKS', 0, Buffer.from([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe])],
]

function fileSystemOf(head: Buffer): string | undefined {
  return MAGIC.find(([, offset, magic]) => head.subarray(offset, offset + magic.length).equals(magic))?.[0]
}
