/** Puts the control plane together: what the API calls, on a store, the registered pools and an engine. */
import type { Job } from '../core/control/job.ts'
import { heldUntil, nextWindowChange } from '../core/control/maintenance.ts'
import { turnedSelection } from '../core/control/turned-selection.ts'
import { listLastTicks, setLastTick } from '../store/jobs/last-ticks.ts'
import type { Store } from '../store/open-store.ts'
import { markInterrupted } from '../store/runs/mark-interrupted.ts'
import type { Secrets } from '../store/secrets/secrets.ts'
import { fromTimestampOrNull, toTimestamp } from '../store/timestamps.ts'
import { endUnfinishedVerifications } from '../store/verifications/verifications.ts'
import { createActivities } from './activities/create-activities.ts'
import { AlertWatch } from './alert-watch.ts'
import { type Clock, systemClock } from './clock.ts'
import type { ControlPlane, PoolOperations, ServerEvent } from './control-plane.ts'
import type { Engine } from './engine.ts'
import { createEvents } from './events.ts'
import { type FailoverParts, vmClaim } from './failover/parts.ts'
import { FenceWatch } from './fence-watch.ts'
import { firstSight } from './first-sight.ts'
import { Housekeeping } from './housekeeping.ts'
import { JobBook } from './job-book.ts'
import { jobOperations, resolveNow } from './job-operations.ts'
import { AlertBook } from './notifications/alert-book.ts'
import { DailyReporter } from './notifications/daily-report.ts'
import { notificationOperations } from './notifications/notification-operations.ts'
import { OutboxSender } from './notifications/outbox-sender.ts'
import type { PoolAccess, PoolChange } from './pool-access.ts'
import { ProtectionWatch } from './protection/protection-watch.ts'
import { repeatInterrupted } from './repeat-interrupted.ts'
import { Relearning } from './replicas/relearning.ts'
import { Replicas } from './replicas/replica-operations.ts'
import { FigureBook } from './runs/figure-book.ts'
import { runOperations } from './runs/run-operations.ts'
import { RunService } from './runs/run-service.ts'
import { Scheduler } from './scheduler.ts'
import { SettingsBook } from './settings-book.ts'

export type Pools = PoolOperations & PoolAccess

export interface ControlPlaneOptions {
  readonly store: Store
  readonly secrets: Pick<Secrets, 'seal' | 'open'>
  /** Started and closed by whoever made it; it has to outlive the control plane. */
  readonly pools: Pools
  readonly engine: Engine
  readonly clock?: Clock
  /** What nobody planned for and what can't be stored, for the log. */
  readonly onError?: (error: unknown) => void
  readonly timing?: Partial<ControlPlaneTiming>
  /** Where seeds are kept, on this machine; undefined: nowhere. */
  readonly seedsFolder?: string | undefined
  /** Of failovers, for tests: how long a chain that nobody beats is waited for. */
  readonly lockTiming?: FailoverParts['lockTiming']
}

export interface ControlPlaneTiming {
  /** What goes wrong within it is told in one message. */
  readonly groupNoticesMs: number
  /** A channel gets one message in it at most. */
  readonly betweenMessagesMs: number
  /** Changes of pools and jobs are looked at together after it. */
  readonly gatherMs: number
  /** At the start, pools have so long to be seen before runs are made of what is due. */
  readonly firstSightMs: number
}

const TIMING: ControlPlaneTiming = { groupNoticesMs: 30_000, betweenMessagesMs: 60_000, gatherMs: 2_000, firstSightMs: 60_000 }
/** A run that needs a pool that was not seen yet is looked at again after this. */
const UNSEEN_MS = 60_000
const GRACE_MS = 30_000

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { store, secrets, pools, engine, clock = systemClock, onError = () => undefined } = options
  const timing = { ...TIMING, ...options.timing }
  const events = createEvents<ServerEvent>(onError)
  const book = new JobBook(store, clock)
  const settings = new SettingsBook(store, settingsChanged)
  const resolve = (job: Job) => turnedSelection(job, resolveNow(job.selection, pools))
  const alerts = new AlertBook({
    store,
    clock,
    groupMs: timing.groupNoticesMs,
    onAlert: (alert) => events.emit({ kind: 'alert', alert }),
    onNotice: () => sender.look(),
    onError,
  })
  const alertWatch = new AlertWatch({ clock, alerts, book, pools })
  const sender = new OutboxSender({ store, clock, secrets, onError, leastPauseMs: timing.betweenMessagesMs })
  const figures = new FigureBook({ store, clock, book })
  const service: RunService = new RunService({
    store,
    clock,
    engine,
    limits: limitsOf(settings),
    resolve,
    isFailedOver: (job, vm, target) => watch.isFailedOver(job, vm, target),
    onRun(run) {
      figures.note(run)
      events.emit({ kind: 'run', run })
    },
    onVmRun: (vmRun) => events.emit({ kind: 'vm-run', vmRun }),
    storeOutcome: (db, vmRun) => watch.storeOutcome(db, vmRun),
    onEnded: (vmRun, run) => {
      if (run.dryRun) return
      watch.noteVmRun(vmRun).catch(onError)
      alertWatch.vmRunEnded(vmRun)
      recovery.healthChecks.vmRunEnded(vmRun)
    },
    onError,
  })
  const watch: ProtectionWatch = new ProtectionWatch({
    store,
    clock,
    book,
    pools,
    resolve,
    isUnderWay: (...chain) => service.isChainUnderWay(...chain),
    healthOf: (chain) => recovery.healthChecks.stateOf(chain),
    onProtection: (protection) => events.emit({ kind: 'protection', protection }),
    onState: (protection, job) => alertWatch.protectionChanged(protection, job),
    onList: () => events.emit({ kind: 'protections' }),
    onDoubt: (pool) => relearning.doubted(pool),
    onError,
  })
  const scheduler = new Scheduler({
    clock,
    maintenance: () => settings.current.maintenance,
    async begin(job, schedule, tick, trigger) {
      if (awaits(job, pools)) return clock.now() + UNSEEN_MS
      await service.begin({ job, schedule, trigger, tick })
      return undefined
    },
    storeLastTick: (schedule, tick) => store.transaction((db) => setLastTick(db, schedule, toTimestamp(tick))),
    onError,
  })
  const recovery = createActivities({
    store,
    clock,
    pools,
    book,
    alerts,
    service,
    watch: () => watch,
    seedsFolder: options.seedsFolder,
    ...(options.lockTiming === undefined ? {} : { lockTiming: options.lockTiming }),
    emit: events.emit,
    onError,
  })
  const fenceWatch = new FenceWatch({
    clock,
    alerts,
    book,
    pools,
    isWorkedOn: (vm) => recovery.activities.claimedBy(vmClaim(vm)) !== undefined,
    gatherMs: timing.gatherMs,
  })
  const replicas = new Replicas({ store, clock, pools, watch, activities: recovery.activities, emit: events.emit, onError })
  const relearning = new Relearning({ clock, pools, book, watch, onError })
  const reporter = new DailyReporter({
    store,
    clock,
    watch,
    alerts,
    onNotice: () => sender.look(),
    onError,
    at: () => settings.current.dailyReportAt,
  })
  const housekeeping = new Housekeeping({ store, clock, settings: () => settings.current, onError })

  let phase: 'new' | 'starting' | 'running' | 'closing' = 'new'
  let databaseOk = true
  let callOffSync: (() => void) | undefined
  let callOffWindows: (() => void) | undefined
  const closing = new AbortController()
  const stops: (() => void)[] = []

  function settingsChanged(): void {
    applyWindows()
    scheduler.lookAgain()
    reporter.lookAgain()
  }

  /** Limits and held pools as they are now, and again when the next window begins or ends. */
  function applyWindows(): void {
    const now = clock.now()
    const { maintenance } = settings.current
    // A window of one job on one pool is as good as one of the pool: what it holds up is little.
    const held = pools.statuses().filter(
      ({ id }) =>
        heldUntil(
          maintenance.filter(({ pool }) => pool === id).map((window) => ({ ...window, job: null })),
          now,
          { job: '', pools: [id] },
        ) !== null,
    )
    service.setLimits(limitsOf(settings), new Set(held.map(({ id }) => id)))
    callOffWindows?.()
    const next = phase === 'closing' ? null : nextWindowChange(maintenance, now)
    callOffWindows = next === null ? undefined : clock.wakeAt(next, applyWindows)
  }

  /** Whoever waits for an instant looks again how far it is. */
  function clockSetBack(): void {
    if (phase !== 'running') return
    settingsChanged()
    sender.look()
    watch.judgeAll().catch(onError)
  }

  function syncSoon(): void {
    if (callOffSync !== undefined || phase === 'closing') return
    callOffSync = clock.wakeAfter(timing.gatherMs, () => {
      callOffSync = undefined
      watch.sync().catch(onError)
    })
  }

  function poolChanged(change: PoolChange): void {
    events.emit(change)
    switch (change.kind) {
      case 'pool':
        alertWatch.poolChanged(change.pool)
        fenceWatch.lookSoon()
        if (phase === 'running') relearning.poolChanged(change.pool)
        return
      case 'pool-removed':
        alertWatch.poolRemoved(change.id)
        fenceWatch.lookSoon()
        syncSoon()
        return
      case 'inventory':
        alertWatch.inventoryChanged(change.pool)
        fenceWatch.lookSoon()
        syncSoon()
    }
  }

  book.onChange((change) => {
    if (change.kind === 'removed') {
      scheduler.remove(change.job.id)
      alertWatch.jobRemoved(change.job)
      recovery.healthChecks.jobRemoved(change.job.id)
      events.emit({ kind: 'job-removed', id: change.job.id })
    } else {
      scheduler.put(change.job)
      recovery.healthChecks.jobChanged(change.job)
      events.emit({ kind: 'job', job: change.job })
    }
    watch.sync().catch(onError)
  })

  return {
    pools,
    jobs: jobOperations({ book, pools, clock, scheduler, watch, cancelJob: async (job) => service.cancelJob(job) }),
    runs: runOperations({ store, clock, book, settings, service, figures }),
    replicas,
    ...recovery.operations,
    notifications: notificationOperations(store, secrets, sender),
    settings: { get: async () => settings.current, change: (change) => settings.change(change) },
    onEvent: events.listen,
    health: () => ({
      ready: phase === 'running' && databaseOk && !service.journal.broken,
      queued: service.queued,
      running: service.underWay,
      schedulerLagMs: scheduler.lagMs,
      databaseOk: databaseOk && !service.journal.broken,
    }),
    async start() {
      phase = 'starting'
      await store.transaction(async (db) => {
        await markInterrupted(db, toTimestamp(clock.now()))
        await endUnfinishedVerifications(db, clock.now())
        await recovery.activities.markInterrupted(db)
      })
      await Promise.all([settings.load(), book.load(), alerts.load(), watch.load(), recovery.healthChecks.load()])
      figures.load().catch(onError)
      const lastTicks = new Map([...(await listLastTicks(store.db))].map(([id, tick]) => [id, fromTimestampOrNull(tick)]))
      stops.push(pools.onChange(poolChanged), clock.onSetBack(clockSetBack))
      await firstSight(pools, clock, timing.firstSightMs, closing.signal)
      if (phase !== 'starting') return
      phase = 'running'
      for (const pool of pools.statuses()) {
        alertWatch.poolChanged(pool)
        relearning.poolChanged(pool)
      }
      fenceWatch.lookSoon()
      applyWindows()
      await watch.sync()
      for (const job of book.all()) scheduler.put(job, lastTicks)
      sender.start()
      reporter.start()
      housekeeping.start((ok) => {
        databaseOk = ok
      })
      scheduler.start()
      await repeatInterrupted({ store, book, scheduler, service, awaits: (job) => awaits(job, pools) }).catch(onError)
    },
    async close(graceMs = GRACE_MS) {
      phase = 'closing'
      closing.abort(new Error('the server is shutting down'))
      for (const stop of stops.splice(0)) stop()
      callOffSync?.()
      callOffWindows?.()
      watch.stop()
      alertWatch.stop()
      fenceWatch.stop()
      await Promise.all([scheduler.stop(), reporter.stop(), housekeeping.stop(), relearning.stop(), figures.stop()])
      replicas.close()
      await Promise.all([service.close(graceMs), recovery.activities.close(graceMs)])
      await recovery.healthChecks.stop()
      watch.stop()
      await alerts.settled()
      await sender.stop()
    },
  }
}

function limitsOf({ current }: SettingsBook) {
  return { server: current.vmRunsAtOnce, pool: current.vmRunsPerPool, sr: current.vmRunsPerSr }
}

/** Whether nothing can be said of what the job chooses yet: it chooses by what pools hold, and one of them was not seen since the start. */
function awaits(job: Job, pools: PoolAccess): boolean {
  const unseen = pools.statuses().filter(({ id, enabled }) => enabled && pools.inventoryOf(id) === undefined)
  if (unseen.length === 0 || job.selection.include.some(({ kind }) => kind === 'vm')) return false
  const chooses = job.selection.include.some(({ pool }) => unseen.some(({ id }) => pool === null || pool === id))
  return chooses && resolveNow(job.selection, pools).vms.length === 0
}
