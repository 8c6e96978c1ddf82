/** What becomes of a VM run's record when its attempt has ended. */
import type { RunFailure, VmRun } from '../../core/control/run-record.ts'
import { Failure } from '../../core/failure.ts'
import type { RunReport } from '../../core/report.ts'
import type { EngineOutcome } from '../engine.ts'
import { recordedFailure } from '../recorded-failure.ts'
import type { StopReason } from './active-run.ts'

export type AttemptEnd =
  | { readonly kind: 'ended'; readonly change: Partial<VmRun>; readonly report?: RunReport }
  | { readonly kind: 'failed'; readonly error: RunFailure; readonly passing: boolean }

/** @param stopped why it was told to stop, when it was */
export function attemptEnd(outcome: EngineOutcome, stopped: StopReason | undefined): AttemptEnd {
  switch (outcome.kind) {
    case 'done': {
      const { restorePoint, replica, warnings } = outcome.report
      const { uuid, takenAt } = restorePoint
      return {
        kind: 'ended',
        change: { state: 'success', restorePoint: { uuid, takenAt }, replica: replica.uuid, warnings, error: null },
        report: outcome.report,
      }
    }
    case 'planned':
      return { kind: 'ended', change: { state: 'success', warnings: outcome.plan.warnings, error: null } }
    case 'failed':
      // What fails because it was told to stop was stopped.
      return stopped === undefined
        ? { kind: 'failed', error: runFailure(outcome.error), passing: outcome.passing }
        : { kind: 'ended', change: stoppedChange(stopped) }
    case 'cancelled':
      return { kind: 'ended', change: stoppedChange(stopped ?? 'cancelled') }
  }
}

export function stoppedChange(why: StopReason): Partial<VmRun> {
  switch (why) {
    case 'cancelled':
      return { state: 'cancelled' }
    case 'closing':
      return { state: 'interrupted' }
    case 'timed-out':
      return { state: 'failed', error: runFailure(new Failure('RUN_TIMED_OUT', 'the VM run took longer than its job allows')) }
  }
}

export const runFailure = (error: unknown): RunFailure => recordedFailure(error, 'RUN_BROKEN')
