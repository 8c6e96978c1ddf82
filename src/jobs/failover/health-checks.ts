/** Test failovers that begin by themselves after runs, as jobs ask for them; what came of the last one of each chain. */
import type { Activity, HealthCheckState } from '../../core/control/activity.ts'
import { healthCheckFailedAlert, healthCheckFailedKey } from '../../core/control/alerts.ts'
import { isHealthCheckDue } from '../../core/control/health-check-due.ts'
import { effectiveSettings, type HealthCheck, type Job, type Target } from '../../core/control/job.ts'
import type { VmRun } from '../../core/control/run-record.ts'
import { Failure } from '../../core/failure.ts'
import {
  deleteHealthChecksOfJob,
  listHealthChecks,
  putHealthCheck,
  type StoredHealthCheck,
} from '../../store/health-checks/health-checks.ts'
import type { Store } from '../../store/open-store.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { Clock } from '../clock.ts'
import type { JobBook } from '../job-book.ts'
import type { AlertBook } from '../notifications/alert-book.ts'
import type { FailoverService } from './failover-operations.ts'

export interface HealthCheckParts {
  readonly store: Store
  readonly clock: Clock
  readonly book: JobBook
  readonly alerts: AlertBook
  readonly failover: Pick<FailoverService, 'begin'>
  /** Its protection is to be told anew. */
  readonly onState: (chain: Chain) => void
  readonly onError: (error: unknown) => void
}

export interface Chain {
  readonly job: string
  readonly sourcePool: string
  readonly vm: string
  readonly target: Target
}

/** Each takes memory of a host of the target. */
const AT_ONCE = 2
const SYSTEM = { kind: 'system', id: '', name: 'health check' } as const

const keyOf = ({ job, sourcePool, vm, target }: Chain) => `${job}/${sourcePool}/${vm}/${target.pool}/${target.sr}`

interface Due {
  readonly vmRun: VmRun
  readonly job: Job
  readonly check: HealthCheck
}

export class HealthChecks {
  readonly #parts: HealthCheckParts
  readonly #checks = new Map<string, StoredHealthCheck>()
  readonly #due: Due[] = []
  #underWay = 0
  #stopped = false
  #tail: Promise<void> = Promise.resolve()

  constructor(parts: HealthCheckParts) {
    this.#parts = parts
  }

  async load(): Promise<void> {
    for (const check of await listHealthChecks(this.#parts.store.db)) this.#checks.set(keyOf(check), check)
  }

  stateOf(chain: Chain): HealthCheckState | null {
    return this.#checks.get(keyOf(chain))?.last ?? null
  }

  all(): readonly StoredHealthCheck[] {
    return [...this.#checks.values()]
  }

  vmRunEnded(vmRun: VmRun): void {
    const { book, clock } = this.#parts
    const job = book.find(vmRun.job)
    if (vmRun.state !== 'success' || job === undefined || this.#stopped) return
    const schedule = job.schedules.find(({ id }) => id === vmRun.schedule)
    const { healthCheck } = effectiveSettings(job.settings, schedule?.settings)
    if (healthCheck === null) return
    const chain = chainOf(vmRun)
    const before = this.#checks.get(keyOf(chain)) ?? { ...chain, runsSince: 0, begunAt: null, last: null }
    const runsSince = before.runsSince + 1
    const isDue = isHealthCheckDue(healthCheck, { runsSince, begunAt: before.begunAt, now: clock.now() })
    this.#put({ ...before, runsSince })
    if (!isDue || this.#due.some(({ vmRun: other }) => keyOf(chainOf(other)) === keyOf(chain))) return
    this.#due.push({ vmRun, job, check: healthCheck })
    this.#pump()
  }

  /** A job without health checks has no alerts of them. */
  jobChanged(job: Job): void {
    const wanted = [job.settings, ...job.schedules.map(({ settings }) => settings)].some(({ healthCheck }) => healthCheck)
    if (!wanted) this.#parts.alerts.closeWhere((alert) => alert.kind === 'health-check-failed' && alert.job === job.id)
  }

  jobRemoved(job: string): void {
    for (const [key, check] of this.#checks) if (check.job === job) this.#checks.delete(key)
    this.#store((db) => deleteHealthChecksOfJob(db, job))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#due.length = 0
    await this.#tail
  }

  #pump(): void {
    while (this.#underWay < AT_ONCE && this.#due.length > 0) {
      const due = this.#due.shift() as Due
      this.#underWay++
      this.#begin(due)
        .catch(this.#parts.onError)
        .finally(() => {
          this.#underWay--
          this.#pump()
        })
    }
  }

  /** Resolves when it has ended. */
  async #begin({ vmRun, job, check }: Due): Promise<void> {
    if (this.#stopped) return
    const { failover, clock } = this.#parts
    const chain = chainOf(vmRun)
    const { ready, readyTimeoutSeconds } = check
    const request = {
      kind: 'test-failover',
      target: chain.target,
      vm: chain.vm,
      job: chain.job,
      networks: { choice: 'isolated' },
      ready: { checks: ready, timeoutSeconds: readyTimeoutSeconds },
    } as const
    const begunAt = clock.now()
    const over = Promise.withResolvers<Activity>()
    let activity = ''
    try {
      activity = (await failover.begin(request, SYSTEM, { kind: 'health-check', run: vmRun.run }, over.resolve)).id
    } catch (error) {
      // Somebody tests it at this moment: the next run looks again.
      if (error instanceof Failure && (error.code === 'VM_BUSY' || error.code === 'SERVER_CLOSING')) return
      this.#note(vmRun, job, begunAt, { ok: false, rtoSeconds: null, activity, restorePoint: null, text: (error as Error).message })
      return
    }
    const known = this.#checks.get(keyOf(chain))
    if (known !== undefined) this.#put({ ...known, runsSince: 0, begunAt })
    const { state, result, error } = await over.promise
    if (result?.kind === 'test-failover') {
      const failed = result.evidence.find(({ ok }) => !ok)
      const text = result.outcome === 'ready' ? '' : `it did not come up: ${failed?.check ?? ''}: ${failed?.text ?? ''}`
      const { rtoSeconds, point } = result
      this.#note(vmRun, job, begunAt, { ok: result.outcome === 'ready', rtoSeconds, activity, restorePoint: point.uuid, text })
    } else if (state === 'failed')
      this.#note(vmRun, job, begunAt, { ok: false, rtoSeconds: null, activity, restorePoint: null, text: error?.message ?? 'it failed' })
  }

  #note(vmRun: VmRun, job: Job, begunAt: number, outcome: Omit<HealthCheckState, 'at'>): void {
    const { alerts, onState } = this.#parts
    const chain = chainOf(vmRun)
    const last = { at: toTimestamp(begunAt), ...outcome }
    this.#put({ ...(this.#checks.get(keyOf(chain)) ?? { ...chain, runsSince: 0, begunAt }), last })
    const tells = effectiveSettings(job.settings).notify
    if (last.ok) alerts.close(healthCheckFailedKey(vmRun), tells)
    else alerts.raise(healthCheckFailedAlert(vmRun, job.name, last), tells)
    onState(chain)
  }

  #put(check: StoredHealthCheck): void {
    this.#checks.set(keyOf(check), check)
    this.#store((db) => putHealthCheck(db, check))
  }

  #store(work: Parameters<Store['transaction']>[0]): void {
    const { store, onError } = this.#parts
    this.#tail = this.#tail.then(async () => void (await store.transaction(work))).catch(onError)
  }
}

const chainOf = ({ job, sourcePool, vm, target }: VmRun): Chain => ({ job, sourcePool, vm: vm.uuid, target })
