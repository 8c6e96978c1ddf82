/**
 * One run of one VM to its targets: every chain is held, both sides are looked at, and what can be brought up to one source snapshot is.
 * Each target has its own plan, restore point and failure.
 */
import type { Xapi } from '../xapi/xapi.ts'
import { type PoolView, viewPool } from './pool-view.ts'
import { prepareWhenFree } from './prepare-when-free.ts'
import { executeRuns, type PlannedRun, type RunOptions, type RunOutcome } from './run.ts'
import { withChain } from './with-chain.ts'

/**
 * All targets have the same source, VM, job, schedule and run, and different storage repositories. Targets with an interrupted run that can be taken up
 * come first, together where it is the same one; the others then share a new snapshot.
 * @returns in the order of `targets`; never rejects. A failure is a Failure, or the reason of the target's signal
 */
export async function replicateToTargets(targets: readonly RunOptions[], startedAt: Date): Promise<RunOutcome[]> {
  const outcomes = new Map<number, RunOutcome>()
  const fail = (nth: number, error: unknown) => outcomes.set(nth, { kind: 'failure', error })
  const over = Promise.withResolvers<void>()
  const entered = targets.map((options) => enter(options, over.promise))
  const held = new Map<number, RunOptions>()
  for (const [nth, result] of (await Promise.allSettled(entered.map(({ options }) => options))).entries()) {
    if (result.status === 'fulfilled') held.set(nth, result.value)
    else fail(nth, result.reason)
  }
  while (held.size > 0) {
    const views = sharedViews(targets)
    const prepared = new Map<number, PlannedRun>()
    await Promise.all(
      [...held].map(async ([nth, options]) => {
        try {
          prepared.set(nth, { options, prepared: await prepareWhenFree({ ...options, views }) })
        } catch (error) {
          held.delete(nth)
          fail(nth, error)
        }
      }),
    )
    const next = together([...prepared].sort(([a], [b]) => a - b))
    const results =
      next.length === 0
        ? []
        : await executeRuns(
            next.map(([, run]) => run),
            startedAt,
          )
    for (const [at, [nth]] of next.entries()) {
      held.delete(nth)
      outcomes.set(nth, results[at] as RunOutcome)
    }
  }
  over.resolve()
  await Promise.allSettled(entered.map(({ left }) => left))
  return targets.map((_, nth) => outcomes.get(nth) as RunOutcome)
}

/** Those that can share a snapshot: they take up the same interrupted run, or none does. */
function together(prepared: readonly (readonly [number, PlannedRun])[]): readonly (readonly [number, PlannedRun])[] {
  const resumed = prepared.find(([, run]) => run.prepared.plan.resume !== undefined)?.[1].prepared.plan.resume?.snapshot
  return prepared.filter(([, run]) => run.prepared.plan.resume?.snapshot === resumed)
}

/** Holds a chain until `over`. */
function enter(options: RunOptions, over: Promise<void>): { readonly options: Promise<RunOptions>; readonly left: Promise<void> } {
  const entered = Promise.withResolvers<RunOptions>()
  const left = withChain(options, (held) => {
    entered.resolve(held)
    return over
  })
  left.catch(entered.reject)
  return { options: entered.promise, left }
}

/** Each pool is looked at once for all targets. */
function sharedViews(targets: readonly RunOptions[]): NonNullable<RunOptions['views']> {
  const known = new Map<string, Promise<PoolView>>()
  const signal = targets[0]?.signal ?? AbortSignal.timeout(0)
  return (xapi: Xapi) => {
    const view = known.get(xapi.url) ?? viewPool(xapi, signal)
    known.set(xapi.url, view)
    return view
  }
}
