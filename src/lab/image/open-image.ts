import { constants, type FileHandle, open } from 'node:fs/promises'
import { type DiskImage, ImageError, type ImageFormat } from './image.ts'
import { qcow2Image } from './qcow2.ts'
import { qcow2Magic } from './qcow2-header.ts'
import { rawImage } from './raw.ts'
import { readUpTo } from './read-at.ts'
import { vhdImage } from './vhd.ts'

const vhdCookie = Buffer.from('conectix')

/** Formats that would otherwise pass as raw and make a disk of rubbish: where their mark is, and what to do. */
const foreign: readonly (readonly [at: number, mark: Buffer, name: string])[] = [
  [0, Buffer.from('vhdxfile'), 'a VHDX image'],
  [0, Buffer.from('KDMV'), 'a VMDK image'],
  [0, Buffer.from('# Disk DescriptorFile'), 'a VMDK descriptor'],
  [64, Buffer.from('7f10dabe', 'hex'), 'a VirtualBox VDI image'],
  [0, Buffer.from('QED\0'), 'a QED image'],
  [257, Buffer.from('ustar'), 'a tar archive (OVA or XVA)'],
  [0, Buffer.from('1f8b08', 'hex'), 'compressed by gzip'],
  [0, Buffer.from('fd377a585a00', 'hex'), 'compressed by xz'],
  [0, Buffer.from('28b52ffd', 'hex'), 'compressed by zstd'],
  [0, Buffer.from('PK\x03\x04', 'latin1'), 'a zip archive'],
]

/**
 * Opens a disk image; the format is told by the content, not by the name. A file with no mark of any format is a raw disk.
 * ImageError, or what the file system says, when it can't be read. Close it when done.
 */
export async function openImage(path: string): Promise<DiskImage> {
  // A pipe must not make this wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await file.stat()
    if (!status.isFile()) throw new ImageError('this is not a file')
    if (status.size === 0) throw new ImageError('the file is empty')
    switch (await formatOf(file, status.size)) {
      case 'qcow2':
        return await qcow2Image(file)
      case 'vhd':
        return await vhdImage(file, status.size)
      case 'raw':
        return rawImage(file, status.size)
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function formatOf(file: FileHandle, length: number): Promise<ImageFormat> {
  const start = Buffer.alloc(512)
  await readUpTo(file, start, 0)
  if (start.subarray(0, 4).equals(qcow2Magic)) return 'qcow2'
  if (start.subarray(0, 8).equals(vhdCookie)) return 'vhd'
  const end = Buffer.alloc(512)
  if (length > 512) await readUpTo(file, end, length - 512)
  if (end.subarray(0, 8).equals(vhdCookie)) return 'vhd'
  for (const [at, mark, name] of foreign) {
    if (start.subarray(at, at + mark.length).equals(mark)) {
      throw new ImageError(`this file is ${name}; the lab reads raw, VHD and qcow2 (qemu-img convert makes one)`)
    }
  }
  return 'raw'
}
