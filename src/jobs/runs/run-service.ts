/** Carries out runs: lays them out, queues their VM runs within the limits, has the engine do them, and keeps their records. */
import type { Job, Schedule } from '../../core/control/job.ts'
import { layOutRun } from '../../core/control/lay-out-run.ts'
import { narrowSelection } from '../../core/control/narrow-selection.ts'
import type { ResolvedSelection } from '../../core/control/resolve-selection.ts'
import { addToTotals, hasEnded, pauseBeforeRetry, runStateOf } from '../../core/control/run-outcome.ts'
import { type QueueLimits, RunQueue } from '../../core/control/run-queue.ts'
import type { Run, RunFailure, Trigger, VmRun } from '../../core/control/run-record.ts'
import { targetsOf } from '../../core/control/turned-selection.ts'
import { Failure } from '../../core/failure.ts'
import type { RunReport } from '../../core/report.ts'
import { setLastTick } from '../../store/jobs/last-ticks.ts'
import type { Queries, Store } from '../../store/open-store.ts'
import { insertRun } from '../../store/runs/insert-run.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { Clock } from '../clock.ts'
import type { Engine, EngineOutcome } from '../engine.ts'
import { type ActiveRun, type ActiveVmRun, Stopped, type StopReason, type Unit } from './active-run.ts'
import { ActiveRuns } from './active-runs.ts'
import { engineRequest } from './engine-request.ts'
import { addLine } from './follow-progress.ts'
import { entryOf, newRun } from './new-run.ts'
import { attemptEnd, stoppedChange } from './run-end.ts'
import { RunJournal } from './run-journal.ts'
import { waitingFor } from './waiting-for.ts'

export interface RunServiceParts {
  readonly store: Store
  readonly clock: Clock
  readonly engine: Engine
  readonly limits: QueueLimits
  readonly resolve: (job: Job) => ResolvedSelection
  /** Whether the replica of a chain has taken over: a run would be refused. */
  readonly isFailedOver: (job: string, vm: string, target: VmRun['target']) => boolean
  readonly onRun: (run: Run) => void
  readonly onVmRun: (vmRun: VmRun) => void
  /** Stores what the end of a VM run means for its protection, in the transaction that stores the end. */
  readonly storeOutcome: (db: Queries, vmRun: VmRun) => Promise<void>
  /** After its end is stored. */
  readonly onEnded: (vmRun: VmRun, run: Run) => void
  readonly onError: (error: unknown) => void
}

export interface BeginRun {
  readonly job: Job
  readonly schedule: Schedule | undefined
  readonly trigger: Trigger
  /** The tick that the run is made of, stored with it. */
  readonly tick?: number
  readonly vms?: readonly string[]
  readonly dryRun?: boolean
}

/** How long an engine that was told to stop may take before its runs are given up. */
const STOP_MS = 60_000

export class RunService {
  readonly #parts: RunServiceParts
  readonly #queue: RunQueue
  readonly journal: RunJournal
  readonly #active = new ActiveRuns()
  readonly #byEntry = new Map<string, Unit>()
  #closing = false

  constructor(parts: RunServiceParts) {
    this.#parts = parts
    this.#queue = new RunQueue(parts.limits)
    this.journal = new RunJournal(parts.store, parts.clock, parts.onError)
  }

  get queued(): number {
    return this.#queue.queued
  }

  get underWay(): number {
    return this.#queue.underWay
  }

  activeRuns(): readonly ActiveRun[] {
    return this.#active.all()
  }

  /** As it is at this moment; undefined: what is stored is all there is. */
  liveRun(run: string): Run | undefined {
    return this.#active.recordOf(run)
  }

  /** As it is at this moment, what it waits for included; undefined: it has ended. */
  liveVmRun(id: string): { readonly record: VmRun; readonly vmRun: ActiveVmRun } | undefined {
    const found = this.#active.findVmRun(id)
    return found && { record: this.#live(found.vmRun, found.unit), vmRun: found.vmRun }
  }

  isChainUnderWay(job: string, pool: string, vm: string, target: VmRun['target']): boolean {
    return this.#active.isChainOfJob(job, pool, vm, target)
  }

  /** Whether a run, or something that reserved it, has the VM (`POOL/UUID`) at this moment. */
  isVmBusy(vm: string): boolean {
    return this.#queue.isBusy(vm)
  }

  /** Keeps runs off the VM (`POOL/UUID`), once what has it now is through, until the function given back is called. Rejects when aborted. */
  reserveVm(vm: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (this.#queue.unreserve(vm, onFree)) reject(signal.reason as Error)
      }
      const onFree = () => {
        signal.removeEventListener('abort', onAbort)
        resolve(() => {
          this.#queue.free(vm)
          this.#pump()
        })
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#queue.reserve(vm, onFree)
    })
  }

  setLimits(limits: QueueLimits, heldPools: ReadonlySet<string>): void {
    this.#queue.setLimits(limits, heldPools)
    this.#pump()
  }

  /** Failure SERVER_CLOSING, VM_NOT_CHOSEN; nothing is begun then. */
  async begin({ job, schedule, trigger, tick, vms, dryRun = false }: BeginRun): Promise<Run> {
    if (this.#closing) throw new Failure('SERVER_CLOSING', 'the server is shutting down and begins no more runs')
    const { store, clock } = this.#parts
    const resolved = narrowSelection(this.#parts.resolve(job), vms)
    const scheduleId = schedule?.id ?? job.id
    const laidOut = layOutRun(resolved, (pool, vm) => targetsOf(job, pool, vm), {
      isUnderWay: (pool, vm, target) => this.#active.isChainOfSchedule(scheduleId, pool, vm, target),
      isFailedOver: (_pool, vm, target) => this.#parts.isFailedOver(job.id, vm, target),
    })
    const active = newRun({ job, schedule, trigger, dryRun, laidOut, now: toTimestamp(clock.now()) })
    // Before anything is waited for: a second run of the same tick or button would not see this one otherwise.
    if (active.units.length > 0) this.#active.add(active)
    try {
      await store.transaction(
        async (db) => {
          await insertRun(
            db,
            active.record,
            active.vmRuns.map(({ record }) => record),
          )
          if (schedule !== undefined && tick !== undefined) await setLastTick(db, schedule.id, toTimestamp(tick))
        },
        { durable: trigger.kind === 'hand' },
      )
    } catch (error) {
      this.#active.remove(active)
      for (const { record } of active.vmRuns) this.#active.forgetVmRun(record.id)
      throw error
    }
    this.#parts.onRun(active.record)
    for (const { record } of active.vmRuns) if (record.state === 'skipped') this.#parts.onVmRun(record)
    for (const unit of active.units) if (unit.phase === 'queued') this.#enqueue(unit)
    this.#pump()
    return active.record
  }

  /** Undefined: there is no such run that has not ended. */
  cancel(run: string): Run | undefined {
    const active = this.#active.find(run)
    if (active === undefined) return undefined
    this.#stopRun(active, 'cancelled')
    return active.record
  }

  cancelJob(job: string): void {
    for (const active of this.activeRuns()) if (active.record.job === job) this.#stopRun(active, 'cancelled')
  }

  cancelVm(id: string): VmRun | undefined {
    const found = this.#active.findVmRun(id)
    if (found === undefined) return undefined
    const { vmRun, unit } = found
    if (hasEnded(vmRun.record.state)) return vmRun.record
    vmRun.cancel.abort(new Stopped('cancelled'))
    const others = unit.vmRuns.some((each) => each !== vmRun && !hasEnded(each.record.state))
    if (!others) this.#stopUnit(unit, 'cancelled')
    else if (unit.phase !== 'under-way' || !unit.attempting.includes(vmRun))
      this.#end(unit, [{ of: vmRun, change: stoppedChange('cancelled') }])
    return vmRun.record
  }

  /** What waits is left for the next start. What is under way has so long to end; then it is stopped. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    for (const active of this.activeRuns()) for (const unit of active.units) if (unit.phase !== 'under-way') this.#stopUnit(unit, 'closing')
    await this.#active.idleWithin(graceMs, this.#parts.clock)
    for (const active of this.activeRuns()) this.#stopRun(active, 'closing')
    await this.#active.idleWithin(STOP_MS, this.#parts.clock)
    // An engine that does not stop: its runs are as interrupted as those of a server that was killed.
    for (const active of this.activeRuns()) for (const unit of active.units) this.#endUnit(unit, stoppedChange('closing'))
    await this.journal.close()
  }

  #enqueue(unit: Unit): void {
    unit.phase = 'queued'
    unit.endPause = null
    unit.entry = entryOf(unit)
    this.#byEntry.set(unit.entry.id, unit)
    this.#queue.add(unit.entry)
  }

  #pump(): void {
    for (const entry of this.#queue.takeReady()) {
      const unit = this.#byEntry.get(entry.id)
      if (unit === undefined) this.#queue.finish(entry.id)
      else void this.#attempt(unit)
    }
  }

  async #attempt(unit: Unit): Promise<void> {
    const { clock, onError } = this.#parts
    const now = clock.now()
    unit.phase = 'under-way'
    unit.attempt++
    unit.attempting = unit.attempting.filter(({ record }) => !hasEnded(record.state))
    if (unit.startedAt === null) {
      unit.startedAt = now
      const limit = unit.run.settings.timeoutMinutes * 60_000
      unit.endTimeout = clock.wakeAfter(limit, () => this.#stopUnit(unit, 'timed-out'))
    }
    const { run } = unit
    if (run.record.state === 'queued') run.record = { ...run.record, state: 'running', startedAt: toTimestamp(now) }
    for (const vmRun of unit.attempting) {
      const startedAt = vmRun.record.startedAt ?? toTimestamp(now)
      this.#change(vmRun, { state: 'running', stage: 'connect', waitingFor: null, attempt: unit.attempt, startedAt })
    }
    this.#parts.onRun(run.record)
    void this.journal.record(
      run,
      unit.attempting.map((of) => ({ of })),
    )
    const outcomes = await this.#replicate(unit).catch((error: unknown) => {
      onError(error)
      return unit.attempting.map((): EngineOutcome => ({ kind: 'failed', error, passing: false }))
    })
    // Given up in the meantime: the server is closing.
    if (unit.phase !== 'under-way') return
    this.#settle(unit, outcomes)
    this.#queue.finish(unit.entry.id)
    this.#byEntry.delete(unit.entry.id)
    this.#pump()
  }

  async #replicate(unit: Unit): Promise<readonly EngineOutcome[]> {
    const { engine, clock, onVmRun } = this.#parts
    const request = engineRequest(unit, clock, {
      onProgress: ({ record }) => onVmRun(record),
      onPlan: (of) => void this.journal.record(unit.run, [{ of }]),
    })
    return engine.replicate(request)
  }

  #settle(unit: Unit, outcomes: readonly EngineOutcome[]): void {
    const ended: Ended[] = []
    const again: { readonly of: ActiveVmRun; readonly error: RunFailure }[] = []
    let pause = 0
    for (const [nth, of] of unit.attempting.entries()) {
      const outcome = outcomes[nth] ?? { kind: 'failed', error: new Error('the engine told of no outcome'), passing: false }
      const end = attemptEnd(outcome, stopOf(of.cancel.signal) ?? stopOf(unit.stop.signal))
      if (end.kind === 'ended') {
        ended.push({ of, change: end.change, ...(end.report === undefined ? {} : { report: end.report }) })
        continue
      }
      addLine(of, 'error', `${end.error.message} [${end.error.code}]`, this.#parts.clock.now())
      const wait = this.#closing ? undefined : pauseBeforeRetry(unit.attempt, unit.run.settings.retries, end.passing)
      if (wait === undefined) ended.push({ of, change: { state: 'failed', error: end.error } })
      else {
        pause = wait
        again.push({ of, error: end.error })
      }
    }
    unit.attempting = again.map(({ of }) => of)
    if (again.length > 0) this.#pauseBefore(unit, again, pause)
    this.#end(unit, ended)
  }

  #pauseBefore(unit: Unit, again: readonly { readonly of: ActiveVmRun; readonly error: RunFailure }[], pause: number): void {
    const { clock } = this.#parts
    const until = clock.now() + pause
    unit.phase = 'pausing'
    for (const { of, error } of again) {
      this.#change(of, { state: 'waiting', stage: null, waitingFor: `attempt ${unit.attempt + 1} at ${toTimestamp(until)}`, error })
    }
    void this.journal.record(
      unit.run,
      again.map(({ of }) => ({ of })),
    )
    unit.endPause = clock.wakeAfter(pause, () => {
      this.#enqueue(unit)
      this.#pump()
    })
  }

  #stopRun(active: ActiveRun, why: StopReason): void {
    for (const unit of [...active.units]) this.#stopUnit(unit, why)
  }

  #stopUnit(unit: Unit, why: StopReason): void {
    if (unit.phase === 'over') return
    if (!unit.stop.signal.aborted) unit.stop.abort(new Stopped(why))
    if (unit.phase === 'under-way') return
    unit.endPause?.()
    if (unit.phase === 'queued') {
      this.#queue.remove(unit.entry)
      this.#byEntry.delete(unit.entry.id)
    }
    this.#endUnit(unit, stoppedChange(why))
  }

  #endUnit(unit: Unit, change: Partial<VmRun>): void {
    const left = unit.vmRuns.filter(({ record }) => !hasEnded(record.state))
    if (unit.phase === 'under-way') unit.phase = 'over'
    this.#end(
      unit,
      left.map((of) => ({ of, change })),
    )
  }

  /** Stores the end of VM runs, and of their run when they were the last. */
  #end(unit: Unit, ended: readonly Ended[]): void {
    const { clock, storeOutcome, onEnded } = this.#parts
    const now = toTimestamp(clock.now())
    const { run } = unit
    let { totals } = run.record
    for (const { of, change, report } of ended) {
      of.record = { ...of.record, stage: null, waitingFor: null, ...change, endedAt: now }
      totals = addToTotals(totals, of.record.state, report ?? null)
    }
    if (unit.vmRuns.every(({ record }) => hasEnded(record.state))) {
      unit.phase = 'over'
      unit.endTimeout?.()
    }
    const state = runStateOf(run.vmRuns.map(({ record }) => record.state))
    run.record = { ...run.record, totals, ...(state === undefined ? {} : { state, endedAt: now, reason: null }) }
    if (ended.length === 0) return
    const stored = this.journal.record(
      run,
      ended.map(({ of, report }) => ({ of, ...(report === undefined ? {} : { report }) })),
      async (db) => {
        if (!run.record.dryRun) for (const { of } of ended) await storeOutcome(db, of.record)
      },
    )
    for (const { of } of ended) this.#active.freeChain(run, of.record)
    const record = run.record
    this.#active.beginStoring(record)
    if (state !== undefined) this.#active.remove(run)
    // Told once it is stored: who is told of an end finds it.
    void stored.then(() => {
      this.#active.endStoring(record)
      for (const { of } of ended) {
        this.#active.forgetVmRun(of.record.id)
        this.#parts.onVmRun(of.record)
      }
      this.#parts.onRun(record)
      for (const { of } of ended) onEnded(of.record, record)
    })
  }

  #change(vmRun: ActiveVmRun, change: Partial<VmRun>): void {
    vmRun.record = { ...vmRun.record, ...change }
    this.#parts.onVmRun(vmRun.record)
  }

  #live(vmRun: ActiveVmRun, unit: Unit): VmRun {
    if (unit.phase !== 'queued' || hasEnded(vmRun.record.state)) return vmRun.record
    const obstacle = this.#queue.obstacleOf(unit.entry)
    if (obstacle === undefined) return vmRun.record
    return { ...vmRun.record, state: 'waiting', waitingFor: waitingFor(obstacle) }
  }
}

interface Ended {
  readonly of: ActiveVmRun
  readonly change: Partial<VmRun>
  readonly report?: RunReport
}

function stopOf(signal: AbortSignal): StopReason | undefined {
  return signal.aborted && signal.reason instanceof Stopped ? signal.reason.why : undefined
}
