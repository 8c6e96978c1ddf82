/** The records of a run that begins, as they are in memory and are stored. */
import { randomUUID } from 'node:crypto'
import { effectiveSettings, type Job, type Schedule, type Timestamp } from '../../core/control/job.ts'
import type { LaidOutRun, LaidOutVmRun } from '../../core/control/lay-out-run.ts'
import { NO_TOTALS } from '../../core/control/run-outcome.ts'
import type { Trigger, VmRun } from '../../core/control/run-record.ts'
import type { ActiveRun, ActiveVmRun, Unit } from './active-run.ts'

/** Restore points of runs that no schedule and no job says otherwise of. */
const DEFAULT_RETENTION = { last: 3 }

export interface NewRun {
  readonly job: Job
  readonly schedule: Schedule | undefined
  readonly trigger: Trigger
  readonly dryRun: boolean
  readonly laidOut: LaidOutRun
  readonly now: Timestamp
}

export function newRun({ job, schedule, trigger, dryRun, laidOut, now }: NewRun): ActiveRun {
  const id = randomUUID()
  const skipped = laidOut.kind === 'skip'
  const ended = skipped ? now : null
  const active: ActiveRun = {
    record: {
      id,
      job: job.id,
      jobName: job.name,
      schedule: schedule?.id ?? null,
      scheduleName: schedule?.name ?? null,
      trigger,
      state: skipped ? 'skipped' : 'queued',
      dryRun,
      reason: skipped ? laidOut.reason : null,
      queuedAt: now,
      startedAt: null,
      endedAt: ended,
      totals: { ...NO_TOTALS, vms: laidOut.vmRuns.length },
    },
    scheduleId: schedule?.id ?? job.id,
    retention: schedule?.retention ?? job.schedules[0]?.retention ?? DEFAULT_RETENTION,
    settings: effectiveSettings(job.settings, schedule?.settings),
    networksOf: (pool, vm) => job.turned.find((each) => each.pool === pool && each.vm === vm)?.networks ?? {},
    vmRuns: [],
    units: [],
  }
  const byVm = new Map<string, { readonly laidOut: LaidOutVmRun; readonly vmRuns: ActiveVmRun[] }>()
  for (const each of laidOut.vmRuns) {
    const vmRun = activeVmRun(newVmRun(active, each, now))
    active.vmRuns.push(vmRun)
    if (each.skipped !== null) continue
    const key = `${each.pool}/${each.vm}`
    const group = byVm.get(key)
    if (group === undefined) byVm.set(key, { laidOut: each, vmRuns: [vmRun] })
    else group.vmRuns.push(vmRun)
  }
  for (const {
    laidOut: { pool, vm },
    vmRuns,
  } of byVm.values())
    active.units.push(newUnit(active, pool, vm, vmRuns))
  return active
}

function newVmRun({ record }: ActiveRun, { pool, vm, name, target, skipped }: LaidOutVmRun, now: Timestamp): VmRun {
  return {
    id: randomUUID(),
    run: record.id,
    job: record.job,
    schedule: record.schedule,
    sourcePool: pool,
    vm: { uuid: vm, name },
    target,
    state: skipped === null ? 'queued' : 'skipped',
    stage: null,
    waitingFor: null,
    attempt: 0,
    queuedAt: now,
    startedAt: null,
    endedAt: skipped === null ? null : now,
    disks: [],
    error: null,
    warnings: skipped === null ? [] : [skipped],
    restorePoint: null,
    replica: null,
  }
}

const activeVmRun = (record: VmRun): ActiveVmRun => ({
  record,
  plan: undefined,
  unstoredPlan: undefined,
  lines: [],
  rates: new Map(),
  toldAt: 0,
  cancel: new AbortController(),
})

function newUnit(run: ActiveRun, sourcePool: string, vm: string, vmRuns: readonly ActiveVmRun[]): Unit {
  const unit = {
    run,
    sourcePool,
    vm,
    vmRuns,
    attempting: vmRuns,
    attempt: 0,
    startedAt: null,
    phase: 'queued' as const,
    endPause: null,
    endTimeout: null,
    stop: new AbortController(),
  }
  return { ...unit, entry: entryOf(unit) }
}

/** What the next attempt of a unit takes of the queue's limits. */
export function entryOf({ run, sourcePool, vm, attempting }: Omit<Unit, 'entry'>): Unit['entry'] {
  const targets = attempting.map(({ record }) => record.target)
  return {
    id: randomUUID(),
    job: run.record.job,
    run: run.record.id,
    runLimit: run.settings.vmsAtOnce,
    vm: `${sourcePool}/${vm}`,
    pools: [sourcePool, ...targets.map(({ pool }) => pool)],
    srs: targets.map(({ pool, sr }) => `${pool}/${sr}`),
  }
}
