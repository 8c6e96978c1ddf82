/** The server's API as functions, by the names of jobs/control-plane.ts: the only place that knows its routes. */
import type { Activity, ActivityDetail } from '../../core/control/activity.ts'
import type { AuditEntry } from '../../core/control/audit.ts'
import type { FailoverConfirmation, FailoverPreview, FailoverRequest, FailoverStatus } from '../../core/control/failover-request.ts'
import type { Job, JobSpec, Schedule, ScheduleSpec, Selection, Timestamp } from '../../core/control/job.ts'
import type { Alert, Channel, ChannelSpec } from '../../core/control/notification.ts'
import type { Page } from '../../core/control/page.ts'
import type { PoolInventory, PoolStatus } from '../../core/control/pool-record.ts'
import type { Protection } from '../../core/control/protection.ts'
import type { PlanCheck, PlanPreview, RecoveryPlanRecord, RecoveryPlanSpec, StartPlan } from '../../core/control/recovery-plan-record.ts'
import type { Run, VmRun, VmRunDetail } from '../../core/control/run-record.ts'
import type {
  SeedCheckResult,
  SeedExportRequest,
  SeedFolder,
  SeedImportRequest,
  SeedLinkRequest,
  SeedSnapshotInfo,
  SeedState,
} from '../../core/control/seed-record.ts'
import type { ServerSettings } from '../../core/control/settings.ts'
import type { ApiToken, Role, User } from '../../core/control/user.ts'
import type {
  Certificate,
  JobOperations,
  JobsDocument,
  NewPool,
  PoolOperations,
  ReplicaOperations,
  RestorePoint,
  ServerEvent,
  StartRun,
} from '../../jobs/control-plane.ts'
import { readEvents } from './event-stream.ts'
import type { HttpClient } from './http-client.ts'

type Answer<F extends (...args: never[]) => unknown> = Awaited<ReturnType<F>>
type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface NewToken {
  readonly name: string
  readonly role: Role
  readonly expiresAt: Timestamp | null
}

type ShownToken = ApiToken & { readonly secret: string }

const BASE = '/api/v1'
export const LARGEST_PAGE = 500

export function apiOf(http: HttpClient) {
  const get = async <T>(path: string, query: Query = {}) => (await http.call('GET', BASE + path + queryText(query))).body as T
  const send = async <T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) =>
    (await http.call(method, BASE + path, body, headers)).body as T
  /** All pages of a list, one after the other, until `most` items are there. */
  async function all<T>(path: string, query: Query, most = Number.POSITIVE_INFINITY): Promise<T[]> {
    const items: T[] = []
    for (let after: string | undefined; ; ) {
      const page: Page<T> = await get(path, { ...query, limit: Math.min(LARGEST_PAGE, most - items.length), after })
      items.push(...page.items)
      if (page.next === null || items.length >= most) return items
      after = page.next
    }
  }
  const list = async <T>(path: string, query: Query = {}) => (await get<{ items: T[] }>(path, query)).items
  const id = encodeURIComponent
  /** A session as a browser has it: only to make a token with. */
  async function session(path: string, body: object) {
    const { body: me, headers } = await http.call('POST', BASE + path, body)
    const cookie = (headers['set-cookie'] ?? []).map((each) => each.split(';')[0]).join('; ')
    const { user, role, csrf } = me as { user: User; role: Role; csrf: string }
    const as = { cookie, 'x-csrf-token': csrf }
    return {
      user,
      role,
      createToken: (token: NewToken) => send<ShownToken>('POST', '/tokens', token, as),
      end: () => send<void>('POST', '/logout', undefined, as),
    }
  }

  return {
    url: http.url,
    pools: {
      list: () => list<PoolStatus>('/pools'),
      certificate: (url: string) => send<Certificate>('POST', '/pools/certificate', { url }),
      add: (pool: NewPool) => send<PoolStatus>('POST', '/pools', pool),
      change: (pool: string, change: Partial<NewPool> & { enabled?: boolean }) => send<PoolStatus>('PATCH', `/pools/${id(pool)}`, change),
      remove: (pool: string) => send<void>('DELETE', `/pools/${id(pool)}`),
      test: (pool: string) => send<Answer<PoolOperations['test']>>('POST', `/pools/${id(pool)}/test`),
      inventory: (pool: string) => get<PoolInventory>(`/pools/${id(pool)}/inventory`),
    },
    jobs: {
      list: () => list<Job>('/jobs'),
      get: (job: string) => get<Job>(`/jobs/${id(job)}`),
      create: (spec: JobSpec & { schedules?: readonly ScheduleSpec[] }) => send<Job>('POST', '/jobs', spec),
      update: (job: string, change: Partial<JobSpec>, version: number) => send<Job>('PATCH', `/jobs/${id(job)}`, { ...change, version }),
      remove: (job: string) => send<Answer<JobOperations['remove']>>('DELETE', `/jobs/${id(job)}`),
      addSchedule: (job: string, spec: ScheduleSpec) => send<Schedule>('POST', `/jobs/${id(job)}/schedules`, spec),
      updateSchedule: (job: string, schedule: string, change: Partial<ScheduleSpec>) =>
        send<Schedule>('PATCH', `/jobs/${id(job)}/schedules/${id(schedule)}`, change),
      removeSchedule: (job: string, schedule: string) => send<void>('DELETE', `/jobs/${id(job)}/schedules/${id(schedule)}`),
      preview: (selection: Selection) => send<Answer<JobOperations['preview']>>('POST', '/jobs/preview', selection),
      upcoming: () => list<{ job: string; schedule: string; at: Timestamp | null }>('/jobs/upcoming'),
      export: (jobs: readonly string[]) => get<JobsDocument>('/jobs/export', { id: jobs }),
      import: (document: JobsDocument, replace: boolean) =>
        send<{ items: Job[] }>('POST', `/jobs/import${queryText({ replace })}`, document),
    },
    runs: {
      start: (request: StartRun, key: string) => send<Run>('POST', '/runs', request, { 'idempotency-key': key }),
      list: (query: Query, most: number) => all<Run>('/runs', query, most),
      get: (run: string) => get<Run & { vmRuns: VmRun[] }>(`/runs/${id(run)}`),
      cancel: (run: string) => send<Run>('POST', `/runs/${id(run)}/cancel`),
      vmRuns: (query: Query, most: number) => all<VmRun>('/vm-runs', query, most),
      vmRun: (vmRun: string) => get<VmRunDetail>(`/vm-runs/${id(vmRun)}`),
      cancelVm: (vmRun: string) => send<VmRun>('POST', `/vm-runs/${id(vmRun)}/cancel`),
    },
    replicas: {
      protection: (query: Query) => all<Protection>('/protections', query),
      counts: () => get<Answer<ReplicaOperations['counts']>>('/protections/counts'),
      restorePoints: (pool: string, sr: string, vm: string) => list<RestorePoint>('/restore-points', { pool, sr, vm }),
      verify: (request: Parameters<ReplicaOperations['verify']>[0]) => send<{ id: string }>('POST', '/verifications', request),
    },
    activities: {
      list: (query: Query, most: number) => all<Activity>('/activities', query, most),
      get: (activity: string) => get<ActivityDetail>(`/activities/${id(activity)}`),
      report: (activity: string) => get<string>(`/activities/${id(activity)}/report.md`),
      cancel: (activity: string) => send<Activity>('POST', `/activities/${id(activity)}/cancel`),
      continue: (activity: string, key: string) =>
        send<Activity>('POST', `/activities/${id(activity)}/continue`, undefined, { 'idempotency-key': key }),
    },
    failover: {
      status: (query: Query) => list<FailoverStatus>('/failover/status', query),
      preview: (request: FailoverRequest) => send<FailoverPreview>('POST', '/failover/preview', request),
      start: (request: FailoverRequest & FailoverConfirmation, key: string) =>
        send<Activity>('POST', '/failover', request, { 'idempotency-key': key }),
    },
    plans: {
      list: () => list<RecoveryPlanRecord>('/plans'),
      get: (plan: string) => get<RecoveryPlanRecord>(`/plans/${id(plan)}`),
      create: (spec: RecoveryPlanSpec) => send<RecoveryPlanRecord>('POST', '/plans', spec),
      update: (plan: string, change: Partial<RecoveryPlanSpec>, version: number) =>
        send<RecoveryPlanRecord>('PATCH', `/plans/${id(plan)}`, { ...change, version }),
      remove: (plan: string) => send<void>('DELETE', `/plans/${id(plan)}`),
      check: (spec: RecoveryPlanSpec) => send<PlanCheck>('POST', '/plans/check', spec),
      preview: (plan: string, request: StartPlan) => send<PlanPreview>('POST', `/plans/${id(plan)}/preview`, request),
      start: (plan: string, request: StartPlan, key: string) =>
        send<Activity>('POST', `/plans/${id(plan)}/runs`, request, { 'idempotency-key': key }),
    },
    seeds: {
      snapshots: (pool: string, vm: string) => list<SeedSnapshotInfo>('/seeds/snapshots', { pool, vm }),
      takeSnapshot: (request: { pool: string; vm: string }, key: string) =>
        send<Activity>('POST', '/seeds/snapshots', request, { 'idempotency-key': key }),
      folders: () => list<SeedFolder>('/seeds/folders'),
      removeFolder: (name: string) => send<void>('DELETE', `/seeds/folders/${id(name)}`),
      export: (request: SeedExportRequest, key: string) => send<Activity>('POST', '/seeds/exports', request, { 'idempotency-key': key }),
      import: (request: SeedImportRequest, key: string) => send<Activity>('POST', '/seeds/imports', request, { 'idempotency-key': key }),
      check: (request: SeedLinkRequest) => send<SeedCheckResult>('POST', '/seeds/check', request),
      link: (request: SeedLinkRequest, key: string) => send<Activity>('POST', '/seeds/links', request, { 'idempotency-key': key }),
      state: (query: { job: string; vm: string; pool: string; sr: string }) => get<SeedState>('/seeds/state', query),
    },
    notifications: {
      channels: () => list<Channel>('/channels'),
      add: (spec: ChannelSpec, secret: string | undefined) => send<Channel>('POST', '/channels', { ...spec, secret }),
      change: (channel: string, change: Partial<ChannelSpec> & { secret?: string }) =>
        send<Channel>('PATCH', `/channels/${id(channel)}`, change),
      remove: (channel: string) => send<void>('DELETE', `/channels/${id(channel)}`),
      test: (channel: string) => send<{ ok: boolean; text: string }>('POST', `/channels/${id(channel)}/test`),
      alerts: (query: Query, most: number) => all<Alert>('/alerts', query, most),
    },
    settings: {
      get: () => get<ServerSettings>('/settings'),
      change: (change: Partial<ServerSettings>) => send<ServerSettings>('PATCH', '/settings', change),
    },
    users: {
      list: () => list<User>('/users'),
      add: (user: { name: string; role: Role; password: string }) => send<User>('POST', '/users', user),
      change: (user: string, change: { role?: Role; password?: string; disabled?: boolean }) =>
        send<User>('PATCH', `/users/${id(user)}`, change),
      remove: (user: string) => send<void>('DELETE', `/users/${id(user)}`),
    },
    tokens: {
      list: () => list<ApiToken>('/tokens'),
      create: (token: NewToken) => send<ShownToken>('POST', '/tokens', token),
      revoke: (token: string) => send<void>('DELETE', `/tokens/${id(token)}`),
    },
    /** Whose token it is, and what it may do. */
    me: () => get<{ user: User; role: Role; expiresAt: Timestamp | null }>('/me'),
    changeOwnPassword: (currentPassword: string, password: string) => send<void>('PUT', '/me/password', { currentPassword, password }),
    setupNeeded: async () => (await get<{ needed: boolean }>('/setup')).needed,
    login: (name: string, password: string) => session('/login', { name, password }),
    setup: (link: string, name: string, password: string) => session('/setup', { link, name, password }),
    audit: (query: Query, most: number) => all<AuditEntry>('/audit', query, most),
    /** Ends when the server ends it; `onOpen`: from now on nothing is missed. */
    async *events(stop: AbortSignal, onOpen?: () => void): AsyncGenerator<ServerEvent> {
      for await (const { data } of readEvents(http.stream(`${BASE}/events`, stop, onOpen))) {
        const event = JSON.parse(data) as ServerEvent
        if (typeof event === 'object' && event !== null && 'kind' in event) yield event
      }
    },
  }
}

export type RemoteApi = ReturnType<typeof apiOf>

function queryText(query: Query): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const each of Array.isArray(value) ? (value as string[]) : [value]) params.append(name, String(each))
  }
  return params.size === 0 ? '' : `?${params}`
}
