/** Finding what need not be sent because it is zero. */
const ZEROES = Buffer.alloc(1 << 20)

export function isZero(data: Buffer): boolean {
  for (let at = 0; at < data.length; at += ZEROES.length) {
    const end = Math.min(data.length, at + ZEROES.length)
    if (data.compare(ZEROES, 0, end - at, at, end) !== 0) return false
  }
  return true
}

/**
 * The runs of `data` that are not zero, in pieces of `granule` bytes counted from the disk's start (`offset` is where `data`
 * lies on the disk); neighbouring pieces are one run. A run shares memory with `data`.
 */
export function* dataRuns(offset: number, data: Buffer, granule: number): Generator<{ offset: number; data: Buffer }> {
  let start = -1
  for (let at = 0; at < data.length; ) {
    const next = Math.min(data.length, at + granule - ((offset + at) % granule))
    const zero = isZero(data.subarray(at, next))
    if (!zero && start < 0) start = at
    if (zero && start >= 0) {
      yield { offset: offset + start, data: data.subarray(start, at) }
      start = -1
    }
    at = next
  }
  if (start >= 0) yield { offset: offset + start, data: data.subarray(start) }
}
