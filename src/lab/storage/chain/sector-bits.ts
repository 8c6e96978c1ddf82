/** Arithmetic on the 512-byte sector bitmap of one 2 MiB block; bit 0 of byte 0 is the highest, as in a VHD. */

export const SECTOR = 512
export const BLOCK = 2 * 1024 * 1024
export const SECTORS_PER_BLOCK = BLOCK / SECTOR
export const BITMAP_BYTES = SECTORS_PER_BLOCK / 8

const ALL_SET = Buffer.alloc(BITMAP_BYTES, 0xff)

export function isSet(bits: Buffer, at: number, sector: number): boolean {
  return ((bits[at + (sector >> 3)] as number) & (0x80 >> (sector & 7))) !== 0
}

/** Sets or clears `[from, to)` of the bitmap that starts at byte `at`. Returns whether anything changed. */
export function changeBits(bits: Buffer, at: number, from: number, to: number, set: boolean): boolean {
  let changed = false
  let sector = from
  while (sector < to) {
    const byte = at + (sector >> 3)
    const first = sector & 7
    const last = Math.min(8, first + (to - sector))
    const mask = (0xff >> first) & (0xff << (8 - last)) & 0xff
    const old = bits[byte] as number
    const value = set ? old | mask : old & ~mask
    if (value !== old) {
      bits[byte] = value
      changed = true
    }
    sector += last - first
  }
  return changed
}

export function allSet(bits: Buffer, at: number): boolean {
  return bits.compare(ALL_SET, 0, BITMAP_BYTES, at, at + BITMAP_BYTES) === 0
}

/** End of the run of equal bits that starts at `sector`, at most `end`. */
export function runEnd(bits: Buffer, at: number, sector: number, end: number): number {
  const value = isSet(bits, at, sector)
  const whole = value ? 0xff : 0
  let next = sector + 1
  while (next < end) {
    if ((next & 7) === 0 && next + 8 <= end && bits[at + (next >> 3)] === whole) {
      next += 8
      continue
    }
    if (isSet(bits, at, next) !== value) return next
    next += 1
  }
  return end
}
