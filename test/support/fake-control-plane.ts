/**
 * A control plane in memory, for tests of what stands in front of it: it keeps what it is told, knows what it has not, and tells events. The
 * real one is tested by its own tests, and together with the API in test/integration.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { Activity, ActivityKind, ActivitySubject } from '../../src/core/control/activity.ts'
import type { Actor } from '../../src/core/control/audit.ts'
import type { Job, Schedule } from '../../src/core/control/job.ts'
import type { Alert, Channel } from '../../src/core/control/notification.ts'
import type { PoolInventory, PoolStatus } from '../../src/core/control/pool-record.ts'
import type { Protection, ProtectionState } from '../../src/core/control/protection.ts'
import type { RecoveryPlanRecord } from '../../src/core/control/recovery-plan-record.ts'
import type { Run, VmRun } from '../../src/core/control/run-record.ts'
import type { ServerSettings } from '../../src/core/control/settings.ts'
import type { ErrorCode } from '../../src/core/errors/registry.ts'
import { Failure } from '../../src/core/failure.ts'
import type { ControlPlane, Page, PageRequest, ServerEvent } from '../../src/jobs/control-plane.ts'

const TIME = '2026-11-23T14:37:35.000Z'

export interface FakeControlPlane extends ControlPlane {
  tell(event: ServerEvent): void
  /** Passwords and secrets that it was given: the real one encrypts them. */
  readonly secrets: string[]
  readonly started: Run[]
  readonly protections: Protection[]
  readonly vmRunsKept: VmRun[]
  readonly activitiesKept: Activity[]
  listeners(): number
}

function found<T>(value: T | undefined, code: ErrorCode, what: string): T {
  if (value === undefined) throw new Failure(code, `there is no ${what}`)
  return value
}

/** Pages whose cursor is the number of the next item. */
export function paged<T>(items: readonly T[], { limit = 100, after }: PageRequest): Page<T> {
  const from = after === undefined ? 0 : Number(after)
  if (!Number.isInteger(from)) throw new Failure('CURSOR_INVALID', 'this is no place in the list')
  const next = from + limit < items.length ? String(from + limit) : null
  return { items: items.slice(from, from + limit), next }
}

export function fakeProtection(state: ProtectionState, name: string): Protection {
  return {
    sourcePool: 'pool-1',
    vm: { uuid: randomUUID(), name },
    job: 'job-1',
    jobName: 'nightly',
    target: { pool: 'pool-2', sr: 'sr-1' },
    state,
    reason: 'its newest restore point is 7 minutes old',
    askedRpoSeconds: 600,
    achievedRpoSeconds: 420,
    newestPoint: { uuid: randomUUID(), takenAt: TIME },
    replica: randomUUID(),
    lastRun: null,
    lastError: null,
    lastHealthCheck: null,
  }
}

export function fakeRun(job: Job, over: Partial<Run> = {}): Run {
  return {
    id: randomUUID(),
    job: job.id,
    jobName: job.name,
    schedule: null,
    scheduleName: null,
    trigger: { kind: 'hand', by: 'nobody' },
    state: 'queued',
    dryRun: false,
    reason: null,
    queuedAt: TIME,
    startedAt: null,
    endedAt: null,
    totals: { vms: 0, succeeded: 0, failed: 0, changedBytes: 0, bytesRead: 0, bytesSent: 0, fulls: 0 },
    ...over,
  }
}

export function fakeVmRun(run: Run, over: Partial<VmRun> = {}): VmRun {
  return {
    id: randomUUID(),
    run: run.id,
    job: run.job,
    schedule: null,
    sourcePool: 'pool-1',
    vm: { uuid: randomUUID(), name: 'erp-db' },
    target: { pool: 'pool-2', sr: 'sr-1' },
    state: 'running',
    stage: 'transfer',
    waitingFor: null,
    attempt: 1,
    queuedAt: TIME,
    startedAt: TIME,
    endedAt: null,
    disks: [],
    error: null,
    warnings: [],
    restorePoint: null,
    replica: null,
    ...over,
  }
}

const NOTHING: ActivitySubject = { job: null, jobName: null, sourcePool: null, vm: null, target: null, plan: null, seed: null }

export function fakeActivity(
  kind: ActivityKind,
  by: Actor,
  subject: Partial<ActivitySubject> = {},
  over: Partial<Activity> = {},
): Activity {
  return {
    id: randomUUID(),
    kind,
    state: 'running',
    subject: { ...NOTHING, ...subject },
    by,
    cause: { kind: 'hand' },
    queuedAt: TIME,
    startedAt: TIME,
    endedAt: null,
    waitingFor: null,
    stage: { name: 'start', text: 'starting' },
    progress: null,
    planRun: null,
    result: null,
    error: null,
    canContinue: false,
    ...over,
  }
}

export function fakeControlPlane(): FakeControlPlane {
  const pools = new Map<string, PoolStatus>()
  const jobs = new Map<string, Job>()
  const runs: Run[] = []
  const vmRuns: VmRun[] = []
  const channels = new Map<string, Channel>()
  const alerts: Alert[] = []
  const protections: Protection[] = []
  const secrets: string[] = []
  const activities: Activity[] = []
  const plans = new Map<string, RecoveryPlanRecord>()
  const listeners = new Set<(event: ServerEvent) => void>()
  let settings: ServerSettings = {
    vmRunsPerPool: 4,
    vmRunsPerSr: 2,
    vmRunsAtOnce: 8,
    keepRunsDays: 90,
    keepDetailsDays: 14,
    keepAuditDays: 365,
    dailyReportAt: null,
    maintenance: [],
  }
  const tell = (event: ServerEvent) => {
    for (const listener of listeners) listener(event)
  }
  const poolOf = (id: string) => found(pools.get(id), 'POOL_UNKNOWN', `pool ${id}`)
  const jobOf = (id: string) => found(jobs.get(id), 'JOB_NOT_FOUND', `job ${id}`)
  const runOf = (id: string) =>
    found(
      runs.find((run) => run.id === id),
      'RUN_NOT_FOUND',
      `run ${id}`,
    )
  const vmRunOf = (id: string) =>
    found(
      vmRuns.find((each) => each.id === id),
      'RUN_NOT_FOUND',
      `VM run ${id}`,
    )
  const begin = (kind: ActivityKind, by: Actor, subject?: Partial<ActivitySubject>): Activity => {
    const activity = fakeActivity(kind, by, subject)
    activities.push(activity)
    tell({ kind: 'activity', activity })
    return activity
  }
  const activityOf = (id: string) =>
    found(
      activities.find((each) => each.id === id),
      'ACTIVITY_NOT_FOUND',
      `activity ${id}`,
    )
  const planOf = (id: string) => found(plans.get(id), 'RECOVERY_PLAN_NOT_FOUND', `recovery plan ${id}`)
  const putPlan = (plan: RecoveryPlanRecord): RecoveryPlanRecord => {
    plans.set(plan.id, plan)
    tell({ kind: 'plan', plan })
    return plan
  }
  const put = (job: Job): Job => {
    jobs.set(job.id, job)
    tell({ kind: 'job', job })
    return job
  }
  return {
    secrets,
    started: runs,
    protections,
    vmRunsKept: vmRuns,
    activitiesKept: activities,
    tell,
    listeners: () => listeners.size,
    pools: {
      certificate: async (url) => ({
        fingerprint: (createHash('sha256').update(url).digest('hex').toUpperCase().match(/../g) ?? []).join(':'),
        subject: url,
        issuer: url,
        validFrom: TIME,
        validTo: TIME,
      }),
      async add({ name, url, user, password, fingerprint }) {
        secrets.push(password)
        const pool: PoolStatus = {
          id: randomUUID(),
          name: name ?? url,
          url,
          user,
          fingerprints: [fingerprint],
          poolUuid: randomUUID(),
          enabled: true,
          createdAt: TIME,
          state: 'connected',
          error: null,
          since: TIME,
          lastSeenAt: TIME,
          version: '8.3',
          counts: { hosts: 1, vms: 3, srs: 1 },
        }
        pools.set(pool.id, pool)
        tell({ kind: 'pool', pool })
        return pool
      },
      list: async () => [...pools.values()],
      get: async (id) => poolOf(id),
      async change(id, { password, fingerprint, ...change }) {
        if (password !== undefined) secrets.push(password)
        const pool = { ...poolOf(id), ...change, ...(fingerprint === undefined ? {} : { fingerprints: [fingerprint] }) }
        pools.set(id, pool)
        return pool
      },
      async remove(id) {
        poolOf(id)
        pools.delete(id)
        tell({ kind: 'pool-removed', id })
      },
      async test(id) {
        poolOf(id)
        return { ok: true, checks: [{ name: 'log in', ok: true, text: 'took 20 ms' }] }
      },
      inventory: async (id): Promise<PoolInventory> => ({ pool: poolOf(id).id, seenAt: TIME, hosts: [], srs: [], networks: [], vms: [] }),
    },
    jobs: {
      list: async () => [...jobs.values()],
      get: async (id) => jobOf(id),
      create: async ({ schedules = [], ...spec }) =>
        put({
          ...spec,
          id: randomUUID(),
          schedules: schedules.map((schedule): Schedule => ({ ...schedule, id: randomUUID() })),
          turned: [],
          createdAt: TIME,
          updatedAt: TIME,
          version: 1,
        }),
      async update(id, change, version) {
        const job = jobOf(id)
        if (version !== undefined && version !== job.version)
          throw new Failure('JOB_CHANGED', `the job is at version ${job.version} by now`)
        return put({ ...job, ...change, version: job.version + 1 })
      },
      async remove(id) {
        jobOf(id)
        jobs.delete(id)
        return { replicasLeft: [] }
      },
      async addSchedule(id, spec) {
        const job = jobOf(id)
        const schedule = { ...spec, id: randomUUID() }
        put({ ...job, schedules: [...job.schedules, schedule] })
        return schedule
      },
      async updateSchedule(id, schedule, change) {
        const job = jobOf(id)
        const before = found(
          job.schedules.find((each) => each.id === schedule),
          'SCHEDULE_NOT_FOUND',
          `schedule ${schedule}`,
        )
        const changed = { ...before, ...change }
        put({ ...job, schedules: job.schedules.map((each) => (each.id === schedule ? changed : each)) })
        return changed
      },
      async removeSchedule(id, schedule) {
        const job = jobOf(id)
        put({ ...job, schedules: job.schedules.filter((each) => each.id !== schedule) })
      },
      preview: async () => ({ vms: [{ pool: 'pool-1', vm: 'vm-1', name: 'erp-db', bytesAllocated: null, by: 'tag db' }], leftOut: [] }),
      nextTicks: (_timing, count) => Array.from({ length: count }, (_, index) => new Date(index * 600_000).toISOString()),
      upcoming: async () => [],
      export: async (ids) => ({
        format: 'understudy-jobs',
        version: 1,
        jobs: [...jobs.values()]
          .filter(({ id }) => ids === undefined || ids.includes(id))
          .map(({ createdAt: _created, updatedAt: _updated, version: _version, turned: _turned, ...job }) => job),
        pools: [],
      }),
      import: async (document) => document.jobs.map((job) => put({ ...job, turned: [], createdAt: TIME, updatedAt: TIME, version: 1 })),
    },
    runs: {
      async start({ job, schedule, dryRun = false }, by) {
        const run = fakeRun(jobOf(job), { schedule: schedule ?? null, dryRun, trigger: { kind: 'hand', by: by.name } })
        runs.push(run)
        tell({ kind: 'run', run })
        return run
      },
      cancel: async (id) => ({ ...runOf(id), state: 'cancelled' }),
      cancelVm: async (id) => ({ ...vmRunOf(id), state: 'cancelled' }),
      list: async (filter) => paged(runs.filter(({ job }) => filter.job === undefined || job === filter.job).toReversed(), filter),
      get: async (id) => ({ ...runOf(id), vmRuns: vmRuns.filter(({ run }) => run === id) }),
      vmRun: async (id) => ({ ...vmRunOf(id), plan: null, report: null, log: [{ at: TIME, level: 'info', text: 'begun' }] }),
      vmRuns: async (filter) => paged(vmRuns, filter),
      figures: async () => ({
        since: TIME,
        hours: [{ from: TIME, changedBytes: 2048, bytesSent: 1024, runs: 1, failed: 0 }],
        targets: [{ pool: 'pool-2', sr: 'sr-1', bytesSent: 1024 }],
      }),
    },
    replicas: {
      protection: async (filter) =>
        paged(
          protections.filter(({ state }) => filter.state?.includes(state) ?? true),
          filter,
        ),
      async counts() {
        const counts = { protected: 0, 'at-risk': 0, missed: 0, pending: 0, paused: 0, 'failed-over': 0, unprotected: 0 }
        for (const { state } of protections) counts[state] += 1
        return counts
      },
      restorePoints: async () => [],
      verify: async () => ({ id: randomUUID() }),
    },
    activities: {
      list: async (filter) =>
        paged(
          activities
            .filter(({ kind, subject }) => (filter.kind?.includes(kind) ?? true) && (filter.plan ?? subject.plan?.id) === subject.plan?.id)
            .toReversed(),
          filter,
        ),
      get: async (id) => ({ ...activityOf(id), timeline: [{ at: TIME, level: 'info', step: 'start', text: 'starting' }], report: null }),
      report: async (id) => `# ${activityOf(id).kind}\n`,
      cancel: async (id) => ({ ...activityOf(id), state: 'cancelled' }),
      async continue(id, by) {
        const { kind, subject } = activityOf(id)
        return begin(kind, by, subject)
      },
    },
    failover: {
      status: async () => [],
      preview: async ({ kind }) => ({
        kind,
        title: kind,
        point: null,
        lossSeconds: null,
        continues: false,
        happens: [],
        lost: [],
        costs: [],
        warnings: [],
        interfaces: [],
        confirm: null,
        agreed: '',
      }),
      start: async (request, by) =>
        begin(request.kind, by, 'target' in request ? { target: request.target, vm: { uuid: request.vm, name: request.vm } } : {}),
    },
    plans: {
      list: async () => [...plans.values()],
      get: async (id) => planOf(id),
      create: async (spec) => putPlan({ ...spec, id: randomUUID(), createdAt: TIME, updatedAt: TIME, version: 1 }),
      async update(id, change, version) {
        const plan = planOf(id)
        if (version !== undefined && version !== plan.version)
          throw new Failure('RECOVERY_PLAN_CHANGED', `the plan is at version ${plan.version} by now`)
        return putPlan({ ...plan, ...change, version: plan.version + 1 })
      },
      async remove(id) {
        planOf(id)
        plans.delete(id)
        tell({ kind: 'plan-removed', id })
      },
      check: async () => ({ ok: true, problems: [], vms: [] }),
      preview: async (id, { mode }) => ({
        ok: true,
        problems: [],
        vms: [],
        mode,
        title: planOf(id).name,
        happens: [],
        lost: [],
        costs: [],
        warnings: [],
        confirm: null,
      }),
      async start(id, _request, by) {
        const { name } = planOf(id)
        return begin('plan', by, { plan: { id, name } })
      },
    },
    seeds: {
      snapshots: async () => [],
      takeSnapshot: async (_request, by) => begin('seed-snapshot', by),
      folders: async () => [],
      async removeFolder(name) {
        throw new Failure('SEED_FOLDER_NOT_FOUND', `there is no seed ${name}`)
      },
      export: async ({ folder }, by) => begin('seed-export', by, { seed: folder }),
      import: async ({ folder }, by) => begin('seed-import', by, { seed: folder }),
      check: async () => ({ kind: 'link', code: null, text: '', hint: '', disks: [], warnings: [] }),
      link: async (_request, by) => begin('seed-link', by),
      state: async () => ({ state: 'none', text: '', hint: '', takenAt: null, snapshot: null, replica: null }),
    },
    notifications: {
      channels: async () => [...channels.values()],
      async addChannel(spec, secret) {
        if (secret !== undefined) secrets.push(secret)
        const channel: Channel = { ...spec, id: randomUUID(), hasSecret: secret !== undefined, lastError: null, lastSentAt: null }
        channels.set(channel.id, channel)
        return channel
      },
      async changeChannel(id, change, secret) {
        if (secret !== undefined) secrets.push(secret)
        const channel = { ...found(channels.get(id), 'CHANNEL_NOT_FOUND', `channel ${id}`), ...change } as Channel
        channels.set(id, channel)
        return channel
      },
      async removeChannel(id) {
        found(channels.get(id), 'CHANNEL_NOT_FOUND', `channel ${id}`)
        channels.delete(id)
      },
      test: async () => ({ ok: true, text: '250 queued' }),
      alerts: async (filter) => paged(alerts, filter),
    },
    settings: {
      get: async () => settings,
      async change(change) {
        settings = { ...settings, ...change }
        return settings
      },
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    health: () => ({ ready: true, queued: 0, running: 0, schedulerLagMs: 0, databaseOk: true }),
    start: async () => undefined,
    close: async () => undefined,
  }
}
