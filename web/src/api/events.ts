/** Live events of the server (SSE) put into the cache: nothing is polled. */
import type { QueryClient } from '@tanstack/react-query'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Activity, ActivityDetail } from '../../../src/core/control/activity.ts'
import type { Job } from '../../../src/core/control/job.ts'
import type { PoolStatus } from '../../../src/core/control/pool-record.ts'
import type { Protection } from '../../../src/core/control/protection.ts'
import type { Run, VmRun } from '../../../src/core/control/run-record.ts'
import type { ServerEvent } from '../../../src/jobs/control-plane.ts'

export type Liveness = 'connecting' | 'live' | 'lost'

/** Listens as long as the component is there; after a gap everything is asked for anew. */
export function useLiveEvents(): Liveness {
  const client = useQueryClient()
  const [liveness, setLiveness] = useState<Liveness>('connecting')
  useEffect(() => {
    const source = new EventSource('/api/v1/events')
    source.onopen = () => setLiveness('live')
    source.onerror = () => setLiveness('lost')
    const take = (message: MessageEvent<string>) => apply(client, JSON.parse(message.data) as ServerEvent)
    for (const kind of KINDS) source.addEventListener(kind, take)
    source.addEventListener('reset', () => void client.invalidateQueries())
    // What was asked for before the stream began may lack what happened in between. A stream that goes on tells that by itself.
    source.addEventListener('hello', () => void client.invalidateQueries(), { once: true })
    return () => source.close()
  }, [client])
  return liveness
}

const KINDS = [
  'pool',
  'pool-removed',
  'inventory',
  'job',
  'job-removed',
  'run',
  'vm-run',
  'protection',
  'alert',
  'activity',
  'plan',
  'plan-removed',
  'verified',
] as const

/** One event: lists get the new value in place; what can't be placed is asked for again. */
export function apply(client: QueryClient, event: ServerEvent): void {
  switch (event.kind) {
    case 'pool':
      replaceIn<PoolStatus>(client, ['pools'], event.pool, (pool) => pool.id === event.pool.id)
      return
    case 'pool-removed':
      dropFrom<PoolStatus>(client, ['pools'], (pool) => pool.id === event.id)
      return
    case 'inventory':
      void client.invalidateQueries({ queryKey: ['inventory', event.pool] })
      return
    case 'job':
      client.setQueryData(['jobs', event.job.id], event.job)
      void client.invalidateQueries({ queryKey: ['upcoming'] })
      replaceIn<Job>(client, ['jobs'], event.job, (job) => job.id === event.job.id)
      return
    case 'job-removed':
      dropFrom<Job>(client, ['jobs'], (job) => job.id === event.id)
      return
    case 'run':
      client.setQueryData<Run & { vmRuns: readonly VmRun[] }>(['run', event.run.id], (old) => old && { ...old, ...event.run })
      void client.invalidateQueries({ queryKey: ['runs'] })
      // Ends that were told while the run was being asked for are in the answer to another question only.
      if (event.run.endedAt !== null) void client.invalidateQueries({ queryKey: ['run', event.run.id] })
      if (event.run.endedAt !== null) runEnded(client)
      return
    case 'vm-run':
      client.setQueryData<Run & { vmRuns: readonly VmRun[] }>(['run', event.vmRun.run], (old) => {
        if (old === undefined) return old
        const known = old.vmRuns.some(({ id }) => id === event.vmRun.id)
        const vmRuns = known ? old.vmRuns.map((one) => (one.id === event.vmRun.id ? event.vmRun : one)) : [...old.vmRuns, event.vmRun]
        return { ...old, vmRuns }
      })
      client.setQueryData<ReadonlyMap<string, VmRun>>(['transfers'], (old) => {
        const next = new Map(old)
        if (event.vmRun.state === 'running' || event.vmRun.state === 'waiting') next.set(event.vmRun.id, event.vmRun)
        else next.delete(event.vmRun.id)
        return next
      })
      return
    case 'protection':
      replaceIn<Protection>(client, ['protections'], event.protection, (one) => sameChain(one, event.protection))
      return
    case 'alert':
      void client.invalidateQueries({ queryKey: ['alerts'] })
      return
    case 'activity':
      activityChanged(client, event.activity)
      return
    case 'plan':
    case 'plan-removed':
      void client.invalidateQueries({ queryKey: ['plans'] })
      return
    case 'verified':
      void client.invalidateQueries({ queryKey: ['restore-points'] })
      return
    default:
      event satisfies never
  }
}

/** Details grow with it; lists are asked for when one has come or ended, not each second. */
function activityChanged(client: QueryClient, activity: Activity): void {
  const key = ['activities', 'one', activity.id]
  const before = client.getQueryData<ActivityDetail>(key)
  client.setQueryData<ActivityDetail>(key, (old) => old && { ...old, ...activity })
  if (before !== undefined && (before.stage?.name !== activity.stage?.name || before.state !== activity.state))
    void client.invalidateQueries({ queryKey: key })
  else if (before === undefined && activity.endedAt !== null) void client.invalidateQueries({ queryKey: key })
  const running = client.getQueryData<readonly Activity[]>(['activities', 'running'])
  const known = running?.find(({ id }) => id === activity.id)
  client.setQueryData<readonly Activity[]>(['activities', 'running'], (old) => {
    if (old === undefined) return old
    const others = old.filter(({ id }) => id !== activity.id)
    return activity.endedAt === null ? [activity, ...others] : others
  })
  if (known !== undefined && known.state === activity.state && activity.endedAt === null) return
  void client.invalidateQueries({ queryKey: ['activities', 'list'] })
  void client.invalidateQueries({ queryKey: ['activities', 'plan'] })
  void client.invalidateQueries({ queryKey: ['failover-status'] })
  if (activity.endedAt !== null) {
    void client.invalidateQueries({ queryKey: ['restore-points'] })
    void client.invalidateQueries({ queryKey: ['seeds'] })
  }
}

const GATHER_MS = 3000
let told: ReturnType<typeof setTimeout> | undefined

/** Many runs end at once: what sums them up is asked for once. */
function runEnded(client: QueryClient): void {
  if (told !== undefined) return
  told = setTimeout(() => {
    told = undefined
    void client.invalidateQueries({ queryKey: ['figures'] })
    void client.invalidateQueries({ queryKey: ['failures'] })
  }, GATHER_MS)
}

const sameChain = (a: Protection, b: Protection): boolean =>
  a.vm.uuid === b.vm.uuid &&
  a.sourcePool === b.sourcePool &&
  a.job === b.job &&
  a.target?.sr === b.target?.sr &&
  a.target?.pool === b.target?.pool

function replaceIn<T>(client: QueryClient, key: readonly string[], value: T, same: (one: T) => boolean): void {
  client.setQueryData<readonly T[]>(key, (old) => {
    if (old === undefined) return old
    return old.some(same) ? old.map((one) => (same(one) ? value : one)) : [...old, value]
  })
}

function dropFrom<T>(client: QueryClient, key: readonly string[], same: (one: T) => boolean): void {
  client.setQueryData<readonly T[]>(key, (old) => old?.filter((one) => !same(one)))
}
