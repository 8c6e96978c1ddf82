/** Waits for the news of pools, so that whoever looks at the server after something was done sees it done, and the next run goes by it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolAccess } from '../pool-access.ts'

/** News come within a second or two; a pool whose news do not come holds nobody up for longer. */
const LIMIT_MS = 15_000

/** Resolves to whether it is shown; false: it was not within the time, or the signal aborted. */
export async function untilShown(pools: Pick<PoolAccess, 'onChange'>, isShown: () => boolean, signal: AbortSignal): Promise<boolean> {
  if (isShown()) return true
  const over = new AbortController()
  let shown = false
  const stop = pools.onChange(() => {
    if (!isShown()) return
    shown = true
    over.abort()
  })
  try {
    await sleep(LIMIT_MS, undefined, { signal: AbortSignal.any([signal, over.signal]) })
  } catch {
    // Shown, or cancelled: what was done is done.
  } finally {
    stop()
  }
  return shown
}
