/** A limit of bandwidth shared by several transfers: a bucket that fills at a rate. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Returns what a transfer calls before each write; it waits until the bytes fit into the rate. At most a quarter of a second
 * worth of unused rate is saved up. A rate that is a function is asked at each write, and undefined means none. `now` gives milliseconds that never go back, `wait` lets so many of them pass.
 */
export function createThrottle(
  bytesPerSecond: number | (() => number | undefined),
  signal: AbortSignal,
  now: () => number = () => performance.now(),
  wait: (milliseconds: number) => Promise<unknown> = (milliseconds) => sleep(milliseconds, undefined, { signal }),
): (bytes: number) => Promise<void> {
  if (typeof bytesPerSecond === 'number' && !(bytesPerSecond > 0))
    throw new RangeError(`a bandwidth limit must be positive, not ${bytesPerSecond}`)
  const burst = 250
  let freeAt = now()
  return async (bytes) => {
    const start = now()
    const rate = typeof bytesPerSecond === 'number' ? bytesPerSecond : bytesPerSecond()
    if (rate === undefined) return
    freeAt = Math.max(freeAt, start - burst)
    const early = freeAt - start
    freeAt += (bytes / rate) * 1000
    if (early > 0) await wait(early)
  }
}
