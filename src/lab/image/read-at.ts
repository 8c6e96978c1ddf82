import type { FileHandle } from 'node:fs/promises'
import { ImageError } from './image.ts'

/** Fills `target` from `position` of the file, zeroes where the file ends before. Returns the bytes that the file had. */
export async function readUpTo(file: FileHandle, target: Buffer, position: number): Promise<number> {
  // A damaged table can point anywhere; beyond this no file has bytes, and the file system takes no such number.
  if (!Number.isSafeInteger(position + target.length)) throw new ImageError(`the file points to byte ${position}, where no file has any`)
  let filled = 0
  while (filled < target.length) {
    const { bytesRead } = await file.read(target, filled, target.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  target.fill(0, filled)
  return filled
}

/** Reads exactly `length` bytes; ImageError naming `what` where the file ends before, and then no memory is taken for what it claims. */
export async function readExactly(file: FileHandle, position: number, length: number, what: string): Promise<Buffer> {
  const lacking = () => new ImageError(`the file ends inside its ${what}`)
  if (length > 0 && (await readUpTo(file, Buffer.alloc(1), position + length - 1)) === 0) throw lacking()
  const target = Buffer.allocUnsafe(length)
  const filled = await readUpTo(file, target, position)
  if (filled < length) throw lacking()
  return target
}
