/** Events of the server put into the cache of what was asked for: nothing is polled. */
import type { QueryClient, QueryKey } from '@tanstack/react-query'
import type { Activity, ActivityDetail, Job, Pool, Protection, RunDetail, ServerEvent, VmRun } from './types.ts'

/** One event: lists get the new value in place; what can't be placed is asked for again. */
export function applyEvent(client: QueryClient, event: ServerEvent): void {
  switch (event.kind) {
    case 'pool':
      replaceIn<Pool>(client, ['pools'], event.pool, (pool) => pool.id === event.pool.id)
      return
    case 'pool-removed':
      dropFrom<Pool>(client, ['pools'], (pool) => pool.id === event.id)
      return
    case 'inventory':
      void client.invalidateQueries({ queryKey: ['inventory', event.pool] })
      return
    case 'job':
      client.setQueryData(['jobs', event.job.id], event.job)
      askAgain(client, ['jobs', event.job.id])
      void client.invalidateQueries({ queryKey: ['upcoming'] })
      replaceIn<Job>(client, ['jobs'], event.job, (job) => job.id === event.job.id)
      return
    case 'job-removed':
      dropFrom<Job>(client, ['jobs'], (job) => job.id === event.id)
      return
    case 'run':
      client.setQueryData<RunDetail>(['run', event.run.id], (old) => old && { ...old, ...event.run })
      askAgain(client, ['run', event.run.id])
      void client.invalidateQueries({ queryKey: ['runs'] })
      if (event.run.endedAt !== null) runEnded(client)
      return
    case 'vm-run':
      client.setQueryData<RunDetail>(['run', event.vmRun.run], (old) => {
        if (old === undefined) return old
        const known = old.vmRuns.some(({ id }) => id === event.vmRun.id)
        const vmRuns = known ? old.vmRuns.map((one) => (one.id === event.vmRun.id ? event.vmRun : one)) : [...old.vmRuns, event.vmRun]
        return { ...old, vmRuns }
      })
      askAgain(client, ['run', event.vmRun.run])
      askAgain(client, ['transfers'])
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
    case 'protections':
      askAgain(client, ['protections'])
      void client.invalidateQueries({ queryKey: ['protections'] })
      return
    case 'alert':
      void client.invalidateQueries({ queryKey: ['alerts'] })
      // The original of a VM that failed over is back, or down, or blocked.
      if (event.alert.kind === 'original-not-fenced') void client.invalidateQueries({ queryKey: ['failover-status'] })
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

const askedAgain = new WeakSet<Promise<unknown>>()

/**
 * An answer that is under way when an event comes may be older than it, and would replace what the event put into the cache: it is asked for once
 * more when it is there, also when nothing shows it yet.
 */
function askAgain(client: QueryClient, queryKey: QueryKey): void {
  const query = client.getQueryCache().find({ queryKey, exact: true })
  const answer = query?.state.fetchStatus === 'fetching' ? query.promise : undefined
  if (answer === undefined || askedAgain.has(answer)) return
  askedAgain.add(answer)
  void answer.catch(() => undefined).then(() => client.invalidateQueries({ queryKey, exact: true, refetchType: 'all' }))
}

/** Everything is asked for anew, also what is being asked for by a page that waits to be shown. */
export function askEverythingAgain(client: QueryClient): void {
  for (const query of client.getQueryCache().getAll()) if (query.getObserversCount() === 0) askAgain(client, query.queryKey)
  void client.invalidateQueries()
}

/** Details grow with it; lists are asked for when one has come or ended, not each second. */
function activityChanged(client: QueryClient, activity: Activity): void {
  const key = ['activities', 'one', activity.id]
  const before = client.getQueryData<ActivityDetail>(key)
  client.setQueryData<ActivityDetail>(key, (old) => old && { ...old, ...activity })
  askAgain(client, key)
  askAgain(client, ['activities', 'running'])
  if (before !== undefined && (before.stage?.text !== activity.stage?.text || before.state !== activity.state))
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
  askAgain(client, key)
}

function dropFrom<T>(client: QueryClient, key: readonly string[], same: (one: T) => boolean): void {
  client.setQueryData<readonly T[]>(key, (old) => old?.filter((one) => !same(one)))
  askAgain(client, key)
}
