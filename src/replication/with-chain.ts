/** Holds a chain for the time of a run: from before anything is looked at, since what was seen must still be so when it is acted on. */
import { holdChain } from './chain-lock.ts'
import { findByUuid } from './pool-view.ts'
import type { RunOptions } from './run.ts'

/** Failure RUN_UNDER_WAY when another run has the chain. `use` gets options whose signal aborts when the chain is lost. */
export async function withChain<T>(options: RunOptions, use: (held: RunOptions) => Promise<T>): Promise<T> {
  const { target, ids, signal } = options
  const storage = await target.records('SR', { signal })
  const sr = findByUuid(storage, ids.sr)?.[0]
  // That it is not there is told by who looks at the pools.
  if (sr === undefined) return use(options)
  const chain = await holdChain(target, sr, ids, signal, options.lockTiming)
  try {
    return await use({ ...options, storage, signal: AbortSignal.any([signal, chain.signal]), stillHeld: () => chain.check() })
  } finally {
    await chain.release()
  }
}
