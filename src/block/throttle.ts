/** A limit of bandwidth shared by several transfers: a bucket that fills at `bytesPerSecond`. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Returns what a transfer calls before each write; it waits until the bytes fit into the rate. At most a quarter of a second
 * worth of unused rate is saved up. `now` gives milliseconds that never go back.
 */
export function createThrottle(
  bytesPerSecond: number,
  signal: AbortSignal,
  now: () => number = () => performance.now(),
): (bytes: number) => Promise<void> {
  if (!(bytesPerSecond > 0)) throw new RangeError(`a bandwidth limit must be positive, not ${bytesPerSecond}`)
  const burst = 250
  let freeAt = now()
  return async (bytes) => {
    const start = now()
    freeAt = Math.max(freeAt, start - burst)
    const wait = freeAt - start
    freeAt += (bytes / bytesPerSecond) * 1000
    if (wait > 0) await sleep(wait, undefined, { signal })
  }
}
