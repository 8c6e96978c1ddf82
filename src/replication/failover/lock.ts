/** Holds a chain, or the tests of it, on the pool where its replica is: two people who press at once do so one after the other. */

import { Failure } from '../../core/failure.ts'
import { holdChain } from '../chain-lock.ts'
import { findByUuid } from '../pool-view.ts'
import type { FailoverOptions } from './options.ts'

/**
 * Failure RUN_UNDER_WAY while a run, or another failover, has the chain; waits as long as it takes to know whether one that is silent
 * is dead. `use` gets options whose signal aborts when the chain is lost.
 * @param purpose `chain`: excludes runs; `tests`, `clones`: excludes other tests, or failovers to clones, of the same chain only
 */
export async function holding<O extends FailoverOptions, T>(
  options: O,
  chain: { readonly job: string; readonly vm: string; readonly sr: string },
  purpose: 'chain' | 'tests' | 'clones',
  use: (held: O & { readonly stillHeld: () => Promise<void> }) => Promise<T>,
): Promise<T> {
  const { target, signal, id } = options
  const sr = findByUuid(await target.records('SR', { signal }), chain.sr)?.[0]
  if (sr === undefined) {
    throw new Failure('SR_NOT_FOUND', `the target pool has no storage repository ${chain.sr}`, 'look it up with xe sr-list')
  }
  const job = { chain: chain.job, tests: `test-${chain.job}`, clones: `clone-${chain.job}` }[purpose]
  const held = await holdChain(target, sr, { run: id, job, schedule: job, vm: chain.vm, sr: chain.sr }, signal, options.lockTiming)
  try {
    return await use({ ...options, signal: AbortSignal.any([signal, held.signal]), stillHeld: () => held.check() })
  } finally {
    await held.release()
  }
}
