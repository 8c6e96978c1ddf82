/** How fast bytes move, over the last seconds. Pure: the time is given. */

const WINDOW_MS = 10_000

export interface TransferRate {
  /** `bytes` done so far, at `now` in milliseconds. */
  readonly note: (bytes: number, now: number) => void
  /** Bytes a second; null until there is enough to tell. */
  readonly perSecond: () => number | null
}

export function createTransferRate(): TransferRate {
  const seen: { readonly bytes: number; readonly at: number }[] = []
  return {
    note(bytes, now) {
      const last = seen.at(-1)
      // What began anew, or a clock that went back: what was seen before tells nothing any more.
      if (last !== undefined && (bytes < last.bytes || now < last.at)) seen.length = 0
      seen.push({ bytes, at: now })
      while (seen.length > 2 && now - (seen[0]?.at ?? now) > WINDOW_MS) seen.shift()
    },
    perSecond() {
      const [first, last] = [seen[0], seen.at(-1)]
      if (first === undefined || last === undefined || last.at - first.at < 200) return null
      return Math.round(((last.bytes - first.bytes) * 1000) / (last.at - first.at))
    },
  }
}
