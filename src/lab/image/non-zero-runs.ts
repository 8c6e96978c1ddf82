/** Finding what a piece of a disk really holds, so that zeroes are neither sent nor stored. */

const zeroes = Buffer.alloc(64 * 1024)

/** Bytes that are looked at as one: a run starts and ends at a multiple of it, or at the end of the data. */
export const runGranule = zeroes.length

/** Whether every byte is zero. */
export function isZero(data: Buffer): boolean {
  for (let at = 0; at < data.length; at += zeroes.length) {
    const piece = data.subarray(at, at + zeroes.length)
    if (Buffer.compare(piece, zeroes.subarray(0, piece.length)) !== 0) return false
  }
  return true
}

/** Ranges `[start, end)` of the data that hold anything but zeroes, in granules of 64 KiB, adjacent ones merged, ascending. */
export function* nonZeroRuns(data: Buffer): Generator<readonly [start: number, end: number]> {
  let start = -1
  for (let at = 0; at < data.length; at += runGranule) {
    const zero = isZero(data.subarray(at, at + runGranule))
    if (zero && start >= 0) {
      yield [start, at]
      start = -1
    } else if (!zero && start < 0) start = at
  }
  if (start >= 0) yield [start, data.length]
}
