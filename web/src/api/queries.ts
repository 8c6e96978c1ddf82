/** What the page knows of the server, by the keys of its cache; live events keep it fresh (events.ts). */
import { queryOptions } from '@tanstack/react-query'
import type { Activity, ActivityDetail, ActivityKind } from '../../../src/core/control/activity.ts'
import type { FailoverStatus } from '../../../src/core/control/failover-request.ts'
import type { Job } from '../../../src/core/control/job.ts'
import type { LabStatus } from '../../../src/core/control/lab-status.ts'
import type { PoolInventory, PoolStatus } from '../../../src/core/control/pool-record.ts'
import type { Protection } from '../../../src/core/control/protection.ts'
import type { RecoveryPlanRecord } from '../../../src/core/control/recovery-plan-record.ts'
import type { RunFigures } from '../../../src/core/control/run-figures.ts'
import type { Run, VmRun, VmRunDetail } from '../../../src/core/control/run-record.ts'
import type { SeedFolder, SeedSnapshotInfo, SeedState } from '../../../src/core/control/seed-record.ts'
import type { ServerSettings } from '../../../src/core/control/settings.ts'
import type { ApiToken, Role, User } from '../../../src/core/control/user.ts'
import type { Alert, Channel, RestorePoint } from '../../../src/jobs/control-plane.ts'
import { get, useCsrf } from './client.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface Me {
  readonly user: { readonly id: string; readonly name: string; readonly role: Role }
  readonly role: Role
  readonly by: 'session' | 'token'
  readonly expiresAt: string | null
  readonly csrf: string | null
}

/** All pages of a list, one request after the other, at most `most` items: for tables that sort and filter here. */
export async function all<T>(
  path: string,
  query: Record<string, string | readonly string[] | undefined> = {},
  most = 10_000,
): Promise<T[]> {
  const items: T[] = []
  let after: string | undefined
  do {
    const page: Page<T> = await get(path, { ...query, limit: 500, after })
    items.push(...page.items)
    after = page.next ?? undefined
  } while (after !== undefined && items.length < most)
  return items
}

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async () => {
    const me = await get<Me>('/me')
    useCsrf(me.csrf)
    return me
  },
  retry: false,
  staleTime: Number.POSITIVE_INFINITY,
})

export const setupQuery = queryOptions({ queryKey: ['setup'], queryFn: () => get<{ needed: boolean }>('/setup'), retry: false })

export const poolsQuery = queryOptions({ queryKey: ['pools'], queryFn: () => all<PoolStatus>('/pools') })
export const inventoryQuery = (id: string) =>
  queryOptions({ queryKey: ['inventory', id], queryFn: () => get<PoolInventory>(`/pools/${id}/inventory`) })

export const jobsQuery = queryOptions({ queryKey: ['jobs'], queryFn: () => all<Job>('/jobs') })
export const jobQuery = (id: string) => queryOptions({ queryKey: ['jobs', id], queryFn: () => get<Job>(`/jobs/${id}`) })

export interface Upcoming {
  readonly job: string
  readonly schedule: string
  readonly at: string | null
}
export const upcomingQuery = queryOptions({
  queryKey: ['upcoming'],
  queryFn: () => all<Upcoming>('/jobs/upcoming'),
  refetchInterval: 60_000,
})

export const protectionsQuery = queryOptions({ queryKey: ['protections'], queryFn: () => all<Protection>('/protections') })

export const runningQuery = queryOptions({
  queryKey: ['runs', 'running'],
  queryFn: () => get<Page<Run>>('/runs', { state: ['queued', 'running'], limit: 500 }),
})
export const runQuery = (id: string) =>
  queryOptions({ queryKey: ['run', id], queryFn: () => get<Run & { vmRuns: readonly VmRun[] }>(`/runs/${id}`) })
export const vmRunQuery = (id: string) => queryOptions({ queryKey: ['vm-run', id], queryFn: () => get<VmRunDetail>(`/vm-runs/${id}`) })

export const serverQuery = queryOptions({
  queryKey: ['server'],
  queryFn: () => get<{ version: string; node: string; startedAt: string; ready: boolean; queued: number; running: number }>('/server'),
})

export const activityQuery = (id: string) =>
  queryOptions({
    queryKey: ['activities', 'one', id],
    queryFn: () => get<ActivityDetail>(`/activities/${id}`),
    // Its timeline is in no event.
    refetchInterval: ({ state: { data } }) => (data !== undefined && data.endedAt === null ? 2000 : false),
  })
/** Those under way; events keep it. */
export const runningActivitiesQuery = queryOptions({
  queryKey: ['activities', 'running'],
  queryFn: async () => (await get<Page<Activity>>('/activities', { state: ['queued', 'running'], limit: 100 })).items,
})
export const failoverStatusQuery = (vm: string) =>
  queryOptions({
    queryKey: ['failover-status', vm],
    queryFn: async () => (await get<Page<FailoverStatus>>('/failover/status', { vm })).items,
  })
/** Of a VM, newest first. */
export const seedActivitiesQuery = (vm: string) =>
  queryOptions({
    queryKey: ['activities', 'list', 'seeds', vm],
    queryFn: async () => (await get<Page<Activity>>('/activities', { vm, kind: SEED_KINDS, limit: 100 })).items,
    refetchInterval: ({ state: { data } }) => (data?.some(({ endedAt }) => endedAt === null) ? 1500 : false),
  })
const SEED_KINDS: readonly ActivityKind[] = ['seed-snapshot', 'seed-export', 'seed-import', 'seed-link']
export const seedFoldersQuery = queryOptions({
  queryKey: ['seeds', 'folders'],
  queryFn: async () => (await get<Page<SeedFolder>>('/seeds/folders')).items,
  retry: false,
})
export const seedSnapshotsQuery = (pool: string, vm: string) =>
  queryOptions({
    queryKey: ['seeds', 'snapshots', pool, vm],
    queryFn: async () => (await get<Page<SeedSnapshotInfo>>('/seeds/snapshots', { pool, vm })).items,
    retry: false,
  })
export const seedStateQuery = (job: string, vm: string, pool: string, sr: string) =>
  queryOptions({
    queryKey: ['seeds', 'state', job, vm, pool, sr],
    queryFn: () => get<SeedState>('/seeds/state', { job, vm, pool, sr }),
    retry: false,
  })
export const plansQuery = queryOptions({ queryKey: ['plans'], queryFn: () => all<RecoveryPlanRecord>('/plans') })
export const planQuery = (id: string) => queryOptions({ queryKey: ['plans', id], queryFn: () => get<RecoveryPlanRecord>(`/plans/${id}`) })
export const planRunsQuery = (id: string) =>
  queryOptions({ queryKey: ['activities', 'plan', id], queryFn: () => get<Page<Activity>>(`/plans/${id}/runs`, { limit: 50 }) })

/** Asked for again while something is being done to it. */
export const labQuery = queryOptions({
  queryKey: ['lab'],
  queryFn: () => get<LabStatus>('/lab'),
  refetchInterval: ({ state: { data } }) => (data?.state === 'starting' || data?.state === 'removing' ? 700 : false),
})

/** VM runs under way, by their ids; events keep it. */
export const transfersQuery = queryOptions({
  queryKey: ['transfers'],
  queryFn: async (): Promise<ReadonlyMap<string, VmRun>> => {
    const running = await all<VmRun>('/vm-runs', { state: ['running', 'waiting'] }, 1000)
    return new Map(running.map((one) => [one.id, one]))
  },
})

/** How much was moved; asked for again when runs have ended. */
export const figuresQuery = queryOptions({ queryKey: ['figures'], queryFn: () => get<RunFigures>('/figures') })
/** The newest VM runs that failed. */
export const failuresQuery = queryOptions({
  queryKey: ['failures'],
  queryFn: () => get<Page<VmRun>>('/vm-runs', { state: ['failed'], limit: 5 }),
})

/** The newest runs of a job. */
export const runsOfJobQuery = (job: string) =>
  queryOptions({ queryKey: ['runs', 'of', job], queryFn: () => get<Page<Run>>('/runs', { job, limit: 50 }) })
export const latestRunsQuery = queryOptions({ queryKey: ['runs', 'latest'], queryFn: () => get<Page<Run>>('/runs', { limit: 500 }) })

export const alertsQuery = (open: boolean) =>
  queryOptions({
    queryKey: ['alerts', open],
    queryFn: () => get<Page<Alert>>('/alerts', { limit: 200, ...(open ? { open: true } : {}) }),
  })

export const restorePointsQuery = (pool: string, sr: string, vm: string) =>
  queryOptions({
    queryKey: ['restore-points', pool, sr, vm],
    queryFn: async () => (await get<Page<RestorePoint>>('/restore-points', { pool, sr, vm })).items,
  })

export const channelsQuery = queryOptions({ queryKey: ['channels'], queryFn: () => all<Channel>('/channels') })
export const settingsQuery = queryOptions({ queryKey: ['settings'], queryFn: () => get<ServerSettings>('/settings') })
export const usersQuery = queryOptions({ queryKey: ['users'], queryFn: () => all<User>('/users') })
export const tokensQuery = queryOptions({ queryKey: ['tokens'], queryFn: () => all<ApiToken>('/tokens') })
export const licencesQuery = queryOptions({
  queryKey: ['licences'],
  queryFn: () => all<{ name: string; version: string; licence: string }>('/server/licences'),
})
