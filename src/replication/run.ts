/**
 * One VM run: inspect, plan, clean, snapshot, transfer, verify, commit, prune; for one target or several, which then share the snapshot and
 * the reading of it. State is on the pools; nothing here outlives the run.
 */
import type { RunReport } from '../core/report.ts'
import { nbdTransport } from './nbd-transport.ts'
import type { PreparedRun, RunOptions } from './prepare-run.ts'
import type { RunContext } from './session.ts'
import { SourceSide } from './source-side.ts'
import { TargetRun } from './target-run.ts'

export { type PreparedRun, prepareRun, type RunOptions } from './prepare-run.ts'

/** What came of a run for one target. */
export type RunOutcome =
  | { readonly kind: 'success'; readonly report: RunReport }
  /** A Failure, or the signal's reason. The last restore point is as it was; nothing is left behind but what the next run continues. */
  | { readonly kind: 'failure'; readonly error: unknown }

export interface PlannedRun {
  readonly options: RunOptions
  readonly prepared: PreparedRun
}

/** Runs a prepared plan. On failure nothing is left behind but what the next run continues; throws Failure, or the signal's reason. */
export async function executeRun(options: RunOptions, prepared: PreparedRun, startedAt: Date): Promise<RunReport> {
  const [outcome] = await executeRuns([{ options, prepared }], startedAt)
  if (outcome?.kind === 'success') return outcome.report
  throw outcome?.error
}

/**
 * Runs the plans of several targets of one VM: one snapshot, every changed block read once. A target that fails leaves the others alone;
 * the slowest one paces them while they read. All have the same source, VM, job, schedule and run; either none of the plans takes up an
 * interrupted run, or all of them the same. @returns in the order of `runs`; never rejects
 */
export async function executeRuns(runs: readonly PlannedRun[], startedAt: Date): Promise<RunOutcome[]> {
  const targets = runs.map(({ options, prepared }) => new TargetRun(contextOf(options, prepared), options, prepared))
  const living = () => targets.filter(({ failure }) => failure === undefined)
  const { signal, release } = whileAny(runs.map(({ options }) => options.signal))
  const [first] = runs as [PlannedRun, ...PlannedRun[]]
  const log = (message: string) => {
    for (const { options } of runs) options.onEvent?.({ kind: 'log', message })
  }
  const source = new SourceSide({ ...contextOf(first.options, first.prepared), signal, log, stillHeld: undefined }, first.prepared)
  const fail = async (target: TargetRun, error: unknown) => {
    source.leave(target.sr)
    await target.fail(error)
  }
  const each = async (step: (target: TargetRun) => Promise<void>) => {
    await Promise.all(living().map((target) => step(target).catch((error: unknown) => fail(target, error))))
    // With no target left there is nothing to go on for.
    return living().length > 0
  }
  try {
    // Whichever fails, both are waited for.
    const [cleaned, ready] = await Promise.all([outcomeOf(source.clean(targets)), each((target) => target.clean())])
    if (cleaned !== undefined) throw cleaned.error
    if (ready) {
      await source.blockMigration()
      for (const target of living()) target.tellStage('snapshot')
      const snapshot = await source.takeSnapshot(living())
      await each((target) => target.carry(snapshot, source))
    }
    await source.settle(targets.map((target) => target.outcome()))
  } catch (error) {
    await Promise.all(living().map((target) => fail(target, error)))
    await source.settle(targets.map((target) => target.outcome())).catch(() => undefined)
  }
  await source.releaseVm()
  await source.unblockMigration()
  await source.unblockMigration()
  release()
  const together = runs.length === 1 ? undefined : { targets: runs.length, bytesRead: source.bytesRead }
  return targets.map((target): RunOutcome => {
    if (target.failure !== undefined) return { kind: 'failure', error: target.failure.error }
    return { kind: 'success', report: target.report(startedAt, { warnings: source.warnings, removed: source.removed, together }) }
  })
}

const outcomeOf = (step: Promise<void>): Promise<{ readonly error: unknown } | undefined> =>
  step.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )

function contextOf(options: RunOptions, prepared: PreparedRun): RunContext {
  const allowed = options.allowInsecureNbd ?? false
  const transports = {
    source: nbdTransport(prepared.views.source.network, allowed),
    target: nbdTransport(prepared.views.target.network, allowed),
  }
  return {
    ids: options.ids,
    source: options.source,
    target: options.target,
    signal: options.signal,
    budget: options.budget,
    leastSegment: options.leastSegment,
    transportOf: (xapi) => transports[xapi === options.source ? 'source' : 'target'],
    stillHeld: options.stillHeld,
    log: (message) => options.onEvent?.({ kind: 'log', message }),
  }
}

/** A signal that aborts when all of these have, with the last one's reason. */
function whileAny(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; readonly release: () => void } {
  const all = new AbortController()
  const check = () => {
    if (signals.every(({ aborted }) => aborted)) all.abort(signals.at(-1)?.reason)
  }
  for (const each of signals) each.addEventListener('abort', check, { once: true })
  check()
  return {
    signal: all.signal,
    release() {
      for (const each of signals) each.removeEventListener('abort', check)
    },
  }
}
