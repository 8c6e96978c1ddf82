/** At the start runs wait until what is in the pools is known: before, a selection by tag or name chooses nothing. */
import type { Clock } from './clock.ts'
import type { PoolAccess } from './pool-access.ts'

/** Resolves when every pool was seen or is known not to answer, after `ms` at the latest, or when the signal aborts. */
export function firstSight(pools: PoolAccess, clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const settled = () =>
    pools
      .statuses()
      .every(({ id, state }) => pools.inventoryOf(id) !== undefined || state === 'away' || state === 'refused' || state === 'disabled')
  if (settled() || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      callOff()
      stop()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const callOff = clock.wakeAfter(ms, end)
    const stop = pools.onChange(() => {
      if (settled()) end()
    })
    signal.addEventListener('abort', end, { once: true })
  })
}
