/** What the page knows of the server, by the keys of its cache; live events keep it fresh (events.ts). */
import { queryOptions } from '@tanstack/react-query'
import { get, pageOf, useCsrf } from './client.ts'
import type { Item, ListPath, OptionsOf, Page, PagedPath, Query } from './operations.ts'
import type { ActivityKind, VmRun } from './types.ts'

/** A list that is answered at once. */
async function listOf<Path extends ListPath>(path: Path, ...options: OptionsOf<'get', Path>): Promise<readonly Item<Path>[]> {
  return ((await get(path, ...options)) as Page<Item<Path>>).items
}

/** All pages of a list, one request after the other, at most `most` items: for tables that sort and filter here. */
async function all<Path extends PagedPath>(path: Path, query: Omit<Query<Path>, 'limit' | 'after'>, most = 10_000): Promise<Item<Path>[]> {
  const items: Item<Path>[] = []
  let after: string | undefined
  do {
    const page = await pageOf(path, { ...query, limit: 500, after } as Query<Path>)
    items.push(...page.items)
    after = page.next ?? undefined
  } while (after !== undefined && items.length < most)
  return items
}

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async () => {
    const me = await get('/me')
    useCsrf(me.csrf)
    return me
  },
  retry: false,
  staleTime: Number.POSITIVE_INFINITY,
})

export const setupQuery = queryOptions({ queryKey: ['setup'], queryFn: () => get('/setup'), retry: false })

export const poolsQuery = queryOptions({ queryKey: ['pools'], queryFn: () => listOf('/pools') })
export const inventoryQuery = (id: string) =>
  queryOptions({ queryKey: ['inventory', id], queryFn: () => get('/pools/{id}/inventory', { path: { id } }) })

export const jobsQuery = queryOptions({ queryKey: ['jobs'], queryFn: () => listOf('/jobs') })
export const jobQuery = (id: string) => queryOptions({ queryKey: ['jobs', id], queryFn: () => get('/jobs/{id}', { path: { id } }) })

export const upcomingQuery = queryOptions({
  queryKey: ['upcoming'],
  queryFn: () => listOf('/jobs/upcoming'),
  refetchInterval: 60_000,
})

export const protectionsQuery = queryOptions({ queryKey: ['protections'], queryFn: () => all('/protections', {}) })

export const runningQuery = queryOptions({
  queryKey: ['runs', 'running'],
  queryFn: () => get('/runs', { query: { state: ['queued', 'running'], limit: 500 } }),
})
export const runQuery = (id: string) => queryOptions({ queryKey: ['run', id], queryFn: () => get('/runs/{id}', { path: { id } }) })
export const vmRunQuery = (id: string) => queryOptions({ queryKey: ['vm-run', id], queryFn: () => get('/vm-runs/{id}', { path: { id } }) })

export const serverQuery = queryOptions({
  queryKey: ['server'],
  queryFn: () => get('/server'),
})

export const activityQuery = (id: string) =>
  queryOptions({
    queryKey: ['activities', 'one', id],
    queryFn: () => get('/activities/{id}', { path: { id } }),
    // Its timeline is in no event.
    refetchInterval: ({ state: { data } }) => (data !== undefined && data.endedAt === null ? 2000 : false),
  })
/** Those under way; events keep it. */
export const runningActivitiesQuery = queryOptions({
  queryKey: ['activities', 'running'],
  queryFn: () => listOf('/activities', { query: { state: ['queued', 'running'], limit: 100 } }),
})
export const failoverStatusQuery = (vm: string) =>
  queryOptions({
    queryKey: ['failover-status', vm],
    queryFn: () => listOf('/failover/status', { query: { vm } }),
  })
/** Of a VM, newest first. */
export const seedActivitiesQuery = (vm: string) =>
  queryOptions({
    queryKey: ['activities', 'list', 'seeds', vm],
    queryFn: () => listOf('/activities', { query: { vm, kind: SEED_KINDS, limit: 100 } }),
    refetchInterval: ({ state: { data } }) => (data?.some(({ endedAt }) => endedAt === null) ? 1500 : false),
  })
const SEED_KINDS: readonly ActivityKind[] = ['seed-snapshot', 'seed-export', 'seed-import', 'seed-link']
export const seedFoldersQuery = queryOptions({
  queryKey: ['seeds', 'folders'],
  queryFn: () => listOf('/seeds/folders'),
  retry: false,
})
export const seedSnapshotsQuery = (pool: string, vm: string) =>
  queryOptions({
    queryKey: ['seeds', 'snapshots', pool, vm],
    queryFn: () => listOf('/seeds/snapshots', { query: { pool, vm } }),
    retry: false,
  })
export const seedStateQuery = (job: string, vm: string, pool: string, sr: string) =>
  queryOptions({
    queryKey: ['seeds', 'state', job, vm, pool, sr],
    queryFn: () => get('/seeds/state', { query: { job, vm, pool, sr } }),
    retry: false,
  })
export const plansQuery = queryOptions({ queryKey: ['plans'], queryFn: () => listOf('/plans') })
export const planQuery = (id: string) => queryOptions({ queryKey: ['plans', id], queryFn: () => get('/plans/{id}', { path: { id } }) })
export const planRunsQuery = (id: string) =>
  queryOptions({ queryKey: ['activities', 'plan', id], queryFn: () => get('/plans/{id}/runs', { path: { id }, query: { limit: 50 } }) })

/** Asked for again while something is being done to it. */
export const labQuery = queryOptions({
  queryKey: ['lab'],
  queryFn: () => get('/lab'),
  refetchInterval: ({ state: { data } }) => (data?.state === 'starting' || data?.state === 'removing' ? 700 : false),
})

/** VM runs under way, by their ids; events keep it. */
export const transfersQuery = queryOptions({
  queryKey: ['transfers'],
  queryFn: async (): Promise<ReadonlyMap<string, VmRun>> => {
    const running = await all('/vm-runs', { state: ['running', 'waiting'] }, 1000)
    return new Map(running.map((one) => [one.id, one]))
  },
})

/** How much was moved; asked for again when runs have ended. */
export const figuresQuery = queryOptions({ queryKey: ['figures'], queryFn: () => get('/figures') })
/** The newest VM runs that failed. */
export const failuresQuery = queryOptions({
  queryKey: ['failures'],
  queryFn: () => get('/vm-runs', { query: { state: ['failed'], limit: 5 } }),
})

/** The newest runs of a job. */
export const runsOfJobQuery = (job: string) =>
  queryOptions({ queryKey: ['runs', 'of', job], queryFn: () => get('/runs', { query: { job, limit: 50 } }) })
export const latestRunsQuery = queryOptions({ queryKey: ['runs', 'latest'], queryFn: () => get('/runs', { query: { limit: 500 } }) })

export const alertsQuery = (open: boolean) =>
  queryOptions({
    queryKey: ['alerts', open],
    queryFn: () => get('/alerts', { query: { limit: 200, ...(open ? { open: true } : {}) } }),
  })

export const restorePointsQuery = (pool: string, sr: string, vm: string) =>
  queryOptions({
    queryKey: ['restore-points', pool, sr, vm],
    queryFn: () => listOf('/restore-points', { query: { pool, sr, vm } }),
  })

export const channelsQuery = queryOptions({ queryKey: ['channels'], queryFn: () => listOf('/channels') })
export const settingsQuery = queryOptions({ queryKey: ['settings'], queryFn: () => get('/settings') })
export const usersQuery = queryOptions({ queryKey: ['users'], queryFn: () => listOf('/users') })
export const tokensQuery = queryOptions({ queryKey: ['tokens'], queryFn: () => listOf('/tokens') })
export const licencesQuery = queryOptions({
  queryKey: ['licences'],
  queryFn: () => listOf('/server/licences'),
})
