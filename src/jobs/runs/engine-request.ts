/** What the engine is asked for an attempt of a unit, and where what it tells goes. */
import type { Clock } from '../clock.ts'
import type { EngineRequest } from '../engine.ts'
import type { ActiveVmRun, Unit } from './active-run.ts'
import { addLine, followProgress } from './follow-progress.ts'

export interface AttemptTold {
  /** Its record shows progress that is worth telling. */
  readonly onProgress: (vmRun: ActiveVmRun) => void
  readonly onPlan: (vmRun: ActiveVmRun) => void
}

export function engineRequest(unit: Unit, clock: Pick<Clock, 'now'>, { onProgress, onPlan }: AttemptTold): EngineRequest {
  const { run, attempting } = unit
  const at = (target: number) => attempting[target] as ActiveVmRun
  return {
    run: run.record.id,
    job: run.record.job,
    schedule: run.scheduleId,
    sourcePool: unit.sourcePool,
    vm: unit.vm,
    targets: attempting.map(({ record }) => record.target),
    retention: run.retention,
    settings: { ...run.settings, networks: { ...run.settings.networks, ...run.networksOf(unit.sourcePool, unit.vm) } },
    dryRun: run.record.dryRun,
    signal: unit.stop.signal,
    targetSignals: attempting.map(({ cancel }) => cancel.signal),
    onEvent: (target, event) => {
      if (followProgress(at(target), event, clock.now())) onProgress(at(target))
    },
    onPlan: (target, plan) => {
      at(target).plan = plan
      at(target).unstoredPlan = plan
      onPlan(at(target))
    },
    onLog: (target, { level, text }) => {
      for (const vmRun of target === null ? attempting : [at(target)]) addLine(vmRun, level, text, clock.now())
    },
  }
}
