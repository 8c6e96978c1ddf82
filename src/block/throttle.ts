/** A limit of bandwidth shared by several transfers: a bucket that fills at `bytesPerSecond`. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Returns what a transfer calls before each write; it waits until the bytes fit into the rate. At most a quarter of a second
 * worth of unused rate is saved up. `now` gives milliseconds that never go back, `wait` lets so many of them pass.
 */
export function createThrottle(
  bytesPerSecond: number,
  signal: AbortSignal,
  now: () => number = () => performance.now(),
  wait: (milliseconds: number) => Promise<unknown> = (milliseconds) => sleep(milliseconds, undefined, { signal }),
): (bytes: number) => Promise<void> {
  if (!(bytesPerSecond > 0)) throw new RangeError(`a bandwidth limit must be positive, not ${bytesPerSecond}`)
  const burst = 250
  let freeAt = now()
  return async (bytes) => {
    const start = now()
    freeAt = Math.max(freeAt, start - burst)
    const early = freeAt - start
    freeAt += (bytes / bytesPerSecond) * 1000
    if (early > 0) await wait(early)
  }
}
