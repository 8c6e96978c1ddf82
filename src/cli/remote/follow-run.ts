/** Waits for the end of a run, showing what happens. */
import type { Run, VmRun } from '../../core/control/run-record.ts'
import { CommandFailure } from '../command.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { hasEnded } from './run-outcome.ts'
import { runProgress } from './run-progress.ts'
import { changes } from './watching.ts'

export type RunWithVms = Run & { readonly vmRuns: readonly VmRun[] }

/** `quiet`: waits only. Rejects with CommandFailure when it has not ended after so many minutes; the run itself goes on. */
export async function followRun(
  context: Context,
  api: RemoteApi,
  id: string,
  options: { readonly quiet: boolean; readonly minutes: number | undefined },
): Promise<RunWithVms> {
  const limit = options.minutes === undefined ? undefined : AbortSignal.timeout(options.minutes * 60_000)
  const signal = limit === undefined ? context.signal : AbortSignal.any([context.signal, limit])
  const progress = options.quiet ? undefined : runProgress(process.stderr)
  const looks = changes(
    api,
    (event) => event.kind === 'run' && event.run.id === id,
    signal,
    (event) => {
      if (event.kind === 'vm-run' && event.vmRun.run === id) progress?.show(event.vmRun)
    },
  )
  try {
    for await (const _ of looks) {
      const run = await api.runs.get(id)
      for (const vmRun of run.vmRuns) progress?.show(vmRun)
      if (hasEnded(run)) return run
    }
  } catch (error) {
    if (!limit?.aborted || context.signal.aborted) throw error
    throw new CommandFailure(`run ${id} has not ended after ${options.minutes} minutes`, { hint: 'it goes on; --time-limit waits longer' })
  } finally {
    progress?.clear()
  }
  throw new CommandFailure('the server ended its events')
}
