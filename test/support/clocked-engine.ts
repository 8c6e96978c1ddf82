/** An engine that carries nothing over: VM runs take as long as they are told to, by the clock they are given, and end as they are told to. */
import type { RunReport } from '../../src/core/report.ts'
import type { Clock } from '../../src/jobs/clock.ts'
import type { Engine, EngineOutcome, EngineRequest } from '../../src/jobs/engine.ts'

export interface ClockedEngine extends Engine {
  /** VM runs under way. */
  readonly underWay: number
  /** How many were at most, at once. */
  readonly most: number
  readonly begun: number
}

export interface ClockedRuns {
  /** Milliseconds that a VM run takes. */
  readonly takes: (request: EngineRequest) => number
  /** Default: success. */
  readonly outcome?: (request: EngineRequest, target: number) => EngineOutcome | undefined
  readonly onBegin?: (request: EngineRequest) => void
  readonly onEnd?: (request: EngineRequest) => void
}

/** Throws when two VM runs of one VM are under way at once: whatever uses it has that guarantee checked. */
export function clockedEngine(clock: Clock, { takes, outcome, onBegin, onEnd }: ClockedRuns): ClockedEngine {
  const vms = new Set<string>()
  let most = 0
  let begun = 0
  return {
    get underWay() {
      return vms.size
    },
    get most() {
      return most
    },
    get begun() {
      return begun
    },
    replicate(request) {
      const vm = `${request.sourcePool}/${request.vm}`
      if (vms.has(vm)) throw new Error(`two runs of VM ${vm} at once`)
      vms.add(vm)
      begun++
      most = Math.max(most, vms.size)
      onBegin?.(request)
      const takenAt = clock.now()
      for (const target of request.targets.keys()) {
        request.onEvent(target, { kind: 'stage', stage: 'transfer' })
        request.onEvent(target, { kind: 'disk', userdevice: '0', name: 'disk', bytesDone: 0, bytesExpected: 1024, what: 'transfer' })
      }
      return new Promise((resolve) => {
        const end = (outcomes: readonly EngineOutcome[]) => {
          callOff()
          request.signal.removeEventListener('abort', stop)
          vms.delete(vm)
          onEnd?.(request)
          resolve(outcomes)
        }
        const stop = () => end(request.targets.map(() => ({ kind: 'cancelled' })))
        const callOff = clock.wakeAfter(takes(request), () =>
          end(request.targets.map((_, target) => toldOutcome(request, target, takenAt, clock.now(), outcome))),
        )
        request.signal.addEventListener('abort', stop, { once: true })
      })
    },
  }
}

function toldOutcome(request: EngineRequest, target: number, takenAt: number, now: number, outcome: ClockedRuns['outcome']): EngineOutcome {
  if (request.targetSignals[target]?.aborted) return { kind: 'cancelled' }
  return outcome?.(request, target) ?? { kind: 'done', report: reportOf(request, target, takenAt, now) }
}

/** As the real engine's, as far as whoever stores it looks at it. */
export function reportOf({ run, job, schedule, vm, targets }: EngineRequest, target: number, takenAt: number, now: number): RunReport {
  const sr = targets[target]?.sr ?? ''
  const [startedAt, endedAt] = [new Date(takenAt).toISOString(), new Date(now).toISOString()]
  const totals = { changedBytes: 1024, bytesRead: 1024, bytesSent: 1100 }
  return {
    run,
    job,
    schedule,
    vm: { uuid: vm, name: vm },
    from: 'https://source',
    to: 'https://target',
    sr: { uuid: sr, name: sr },
    status: 'success',
    startedAt,
    endedAt,
    seconds: (now - takenAt) / 1000,
    replica: { uuid: `replica of ${vm}` },
    restorePoint: { uuid: `point of ${vm} at ${startedAt}`, name: 'point', takenAt: startedAt },
    disks: [],
    totals,
    removed: [],
    warnings: [],
    xapiCalls: { source: 0, target: 0 },
    plan: { disks: [], removals: [], warnings: [], vifs: [], dropDisks: [] } as unknown as RunReport['plan'],
  }
}
