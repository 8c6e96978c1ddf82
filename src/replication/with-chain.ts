/** Holds a chain for the time of a run: from before anything is looked at, since what was seen must still be so when it is acted on. */
import { holdChain } from './chain-lock.ts'
import type { RunOptions } from './run.ts'

/** Failure RUN_UNDER_WAY when another run has the chain. `use` gets options whose signal aborts when the chain is lost. */
export async function withChain<T>(options: RunOptions, use: (held: RunOptions) => Promise<T>): Promise<T> {
  const chain = await holdChain(options.target, options.ids, options.signal, options.lockTiming)
  if (chain === undefined) return use(options)
  try {
    return await use({ ...options, signal: AbortSignal.any([options.signal, chain.signal]), stillHeld: () => chain.check() })
  } finally {
    await chain.release()
  }
}
