/** Stands in for the replication engine where the server itself is looked at: runs that take some time and move no bytes. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../../src/core/control/job.ts'
import { Failure } from '../../src/core/failure.ts'
import type { VmRunPlan } from '../../src/core/plan.ts'
import type { RunReport, RunStage } from '../../src/core/report.ts'
import type { Engine, EngineOutcome, EngineRequest } from '../../src/jobs/engine.ts'

export interface SimulatedEngineOptions {
  /** Milliseconds that the run of a VM takes (default 200). */
  readonly takesMs?: (request: EngineRequest) => number
  /** Events of bytes that move, within one run (default 4). */
  readonly steps?: number
  /** undefined: it succeeds. */
  readonly failure?: (request: EngineRequest) => { readonly error: Failure; readonly passing: boolean } | undefined
  /** Told of each run as it begins, with the time of the process. */
  readonly onStart?: (request: EngineRequest) => void
}

const SIZE = 20 * 2 ** 30
const CHANGED = 64 * 2 ** 20
const STAGES: readonly RunStage[] = ['connect', 'inspect', 'plan', 'snapshot', 'transfer']

export function simulatedEngine(options: SimulatedEngineOptions = {}): Engine {
  const { takesMs = () => 200, steps = 4, failure = () => undefined, onStart = () => undefined } = options
  return {
    async replicate(request) {
      onStart(request)
      const { targets, signal } = request
      const startedAt = Date.now()
      try {
        const tell = (tells: (target: number) => void) => targets.forEach((_, index) => void tells(index))
        for (const stage of STAGES) tell((target) => request.onEvent(target, { kind: 'stage', stage }))
        const plans = targets.map((target) => planOf(request, target))
        tell((target) => request.onPlan(target, plans[target] as VmRunPlan))
        request.onLog(null, { level: 'info', text: 'Took a snapshot of the source.' })
        if (request.dryRun) return plans.map((plan): EngineOutcome => ({ kind: 'planned', plan }))
        const pause = takesMs(request) / Math.max(1, steps)
        for (let step = 1; step <= steps; step++) {
          await sleep(pause, undefined, { signal })
          const bytesDone = (CHANGED / steps) * step
          tell((target) =>
            request.onEvent(target, { kind: 'disk', userdevice: '0', name: 'root', bytesDone, bytesExpected: CHANGED, what: 'transfer' }),
          )
        }
        const failed = failure(request)
        if (failed) return targets.map((): EngineOutcome => ({ kind: 'failed', ...failed }))
        for (const stage of ['commit', 'prune'] as const) tell((target) => request.onEvent(target, { kind: 'stage', stage }))
        return targets.map(
          (target, index): EngineOutcome => ({ kind: 'done', report: reportOf(request, target, plans[index] as VmRunPlan, startedAt) }),
        )
      } catch (error) {
        if (signal.aborted) return targets.map((): EngineOutcome => ({ kind: 'cancelled' }))
        return targets.map((): EngineOutcome => ({ kind: 'failed', error, passing: false }))
      }
    },
  }
}

/** A failure that another attempt may mend. */
export function poolWentAway(): { readonly error: Failure; readonly passing: boolean } {
  return { error: new Failure('POOL_UNREACHABLE', 'the target pool went away'), passing: true }
}

function planOf(request: EngineRequest, target: Target): VmRunPlan {
  return {
    vm: { uuid: request.vm, name: nameOf(request) },
    targetSr: { uuid: target.sr, name: 'backup' },
    replica: { kind: 'create' },
    disks: [
      {
        mode: 'full',
        userdevice: '0',
        source: request.vm,
        name: 'root',
        size: SIZE,
        reason: { code: 'first-copy', text: 'nothing of it is on the target yet' },
        choice: { kind: 'full', landing: { kind: 'create' }, reason: { code: 'first-copy', text: 'nothing of it is on the target yet' } },
      },
    ],
    dropDisks: [],
    vifs: [],
    removals: [],
    retention: [],
    unblockMigration: false,
    warnings: [],
  }
}

function reportOf(request: EngineRequest, target: Target, plan: VmRunPlan, startedAt: number): RunReport {
  const endedAt = Date.now()
  const iso = (at: number) => new Date(at).toISOString()
  const seconds = (endedAt - startedAt) / 1000
  const disk = {
    userdevice: '0',
    name: 'root',
    source: request.vm,
    target: randomUUID(),
    mode: 'delta' as const,
    reason: { code: 'proven-base', text: 'only what changed since the last restore point' },
    fallbacks: [],
    read: 'cbt+nbd',
    written: 'chunked-raw',
    size: SIZE,
    changedBytes: CHANGED,
    bytesRead: CHANGED,
    bytesSent: CHANGED,
    seconds,
    verify: undefined,
  }
  return {
    run: request.run,
    job: request.job,
    schedule: request.schedule,
    vm: plan.vm,
    from: request.sourcePool,
    to: target.pool,
    sr: plan.targetSr,
    status: 'success',
    startedAt: iso(startedAt),
    endedAt: iso(endedAt),
    seconds,
    replica: { uuid: randomUUID() },
    restorePoint: { uuid: randomUUID(), name: `${plan.vm.name} ${iso(startedAt)}`, takenAt: iso(startedAt) },
    disks: [disk],
    totals: { changedBytes: CHANGED, bytesRead: CHANGED, bytesSent: CHANGED },
    removed: [],
    warnings: [],
    xapiCalls: { source: 20, target: 30 },
    plan,
  }
}

const nameOf = ({ vm }: EngineRequest) => `VM ${vm.slice(-4)}`
