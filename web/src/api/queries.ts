/** What the page knows of the server, by the keys of its cache; live events keep it fresh (events.ts). */
import { queryOptions } from '@tanstack/react-query'
import type { Job } from '../../../src/core/control/job.ts'
import type { PoolInventory, PoolStatus } from '../../../src/core/control/pool-record.ts'
import type { Protection } from '../../../src/core/control/protection.ts'
import type { Run, VmRun, VmRunDetail } from '../../../src/core/control/run-record.ts'
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
export type Role = 'viewer' | 'operator' | 'administrator'

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
