/** What people call things by, and what the API calls them by: names to ids. An id, or the beginning of one that is not shared, always does. */

import type { Job, Schedule, Target } from '../../core/control/job.ts'
import type { InventorySr, InventoryVm, PoolStatus } from '../../core/control/pool-record.ts'
import { Failure } from '../../core/failure.ts'
import type { RemoteApi } from './api.ts'

export interface Named {
  readonly id: string
  readonly name: string
}

const SHORTEST_PREFIX = 4

/**
 * The one that is meant: by its id, else by its exact name, else by its name whatever the case, else by the beginning of its id. Throws
 * NAME_UNKNOWN and NAME_AMBIGUOUS.
 */
export function find<T extends Named>(kind: string, things: readonly T[], text: string, hint?: string): T {
  const lower = text.toLowerCase()
  const ways: readonly ((thing: T) => boolean)[] = [
    ({ id }) => id.toLowerCase() === lower,
    ({ name }) => name === text,
    ({ name }) => name.toLowerCase() === lower,
    ({ id }) => /^[0-9a-f-]+$/.test(lower) && lower.length >= SHORTEST_PREFIX && id.toLowerCase().startsWith(lower),
  ]
  for (const way of ways) {
    const found = things.filter(way)
    if (found.length === 1) return found[0] as T
    if (found.length > 1) {
      const ids = found.map(({ id }) => id).join(', ')
      throw new Failure('NAME_AMBIGUOUS', `several ${kind}s are called '${text}'`, `name it by its id: ${ids}`)
    }
  }
  throw new Failure('NAME_UNKNOWN', `no ${kind} is called '${text}'`, hint ?? nearest(kind, things, text))
}

function nearest(kind: string, things: readonly Named[], text: string): string {
  if (things.length === 0) return `there is no ${kind} yet`
  const names = things.map(({ name }) => name).sort((a, b) => distance(a, text) - distance(b, text))
  return things.length > 5 ? `close to it: ${names.slice(0, 3).join(', ')}` : `there is: ${names.join(', ')}`
}

/** Of how many single-letter edits (Levenshtein), upper and lower case being one. */
function distance(left: string, right: string): number {
  const [a, b] = [left.toLowerCase(), right.toLowerCase()]
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j] as number) + (letter === b[j] ? 0 : 1), (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

export async function findPool(api: RemoteApi, text: string): Promise<PoolStatus> {
  return find('pool', await api.pools.list(), text)
}

export async function findJob(api: RemoteApi, text: string): Promise<Job> {
  return find('job', await api.jobs.list(), text)
}

export function findSchedule(job: Job, text: string): Schedule {
  return find('schedule', job.schedules, text)
}

interface InPool {
  readonly pool: PoolStatus
}
export type FoundVm = InPool & Named & { readonly vm: InventoryVm }
export type FoundSr = InPool & Named & { readonly sr: InventorySr }

/** `VM`, or `POOL/VM` when two pools have one of that name. */
export async function findVm(inventories: Inventories, text: string): Promise<FoundVm> {
  return await findInPools(
    'VM',
    text,
    inventories,
    ({ vms }) => vms,
    (pool, vm) => ({ pool, vm, id: vm.uuid, name: vm.name }),
  )
}

/** `SR`, or `POOL/SR`. */
export async function findSr(inventories: Inventories, text: string): Promise<FoundSr> {
  return await findInPools(
    'SR',
    text,
    inventories,
    ({ srs }) => srs,
    (pool, sr) => ({ pool, sr, id: sr.uuid, name: sr.name }),
  )
}

async function findInPools<Item, Found extends Named>(
  kind: string,
  text: string,
  inventories: Inventories,
  items: (inventory: Awaited<ReturnType<RemoteApi['pools']['inventory']>>) => readonly Item[],
  found: (pool: PoolStatus, item: Item) => Found,
): Promise<Found> {
  const seen = await inventories.all()
  const everywhere = seen.flatMap(({ pool, inventory }) => items(inventory).map((item) => ({ pool, found: found(pool, item) })))
  // A name may hold a slash itself: only when the beginning is a pool's name it says which one.
  const pool = seen.map((each) => each.pool).find(({ name, id }) => text.startsWith(`${name}/`) || text.startsWith(`${id}/`))
  const [candidates, name] = pool
    ? [
        everywhere.filter((each) => each.pool === pool),
        text.slice(text.startsWith(`${pool.name}/`) ? pool.name.length + 1 : pool.id.length + 1),
      ]
    : [everywhere, text]
  const away = inventories.unseen()
  const hint = away.length === 0 ? undefined : `nothing was seen yet of ${away.join(', ')}: 'understudy pool list' tells why`
  return find(
    kind,
    candidates.map((each) => each.found),
    name,
    hint,
  )
}

export interface Inventories {
  all(): Promise<readonly { readonly pool: PoolStatus; readonly inventory: Awaited<ReturnType<RemoteApi['pools']['inventory']>> }[]>
  /** Names of pools that nothing was ever seen of. */
  unseen(): readonly string[]
}

/** What is seen of all pools, fetched once. */
export function inventoriesOf(api: RemoteApi): Inventories {
  let fetched: ReturnType<Inventories['all']> | undefined
  const missing: string[] = []
  const fetchAll = async () => {
    const seen = await Promise.all(
      (await api.pools.list()).map(async (pool) => {
        try {
          return [{ pool, inventory: await api.pools.inventory(pool.id) }]
        } catch (error) {
          if ((error as { code?: string }).code !== 'POOL_AWAY') throw error
          missing.push(pool.name)
          return []
        }
      }),
    )
    return seen.flat()
  }
  return {
    all() {
      fetched ??= fetchAll()
      return fetched
    },
    unseen: () => missing,
  }
}

/** Ids of VMs, SRs, pools and jobs as names, where they are known. */
export interface Names {
  pool(id: string): string
  sr(pool: string, uuid: string): string
  target(target: Target | null): string
}

export async function namesOf(inventories: Inventories, pools: readonly PoolStatus[]): Promise<Names> {
  const poolNames = new Map(pools.map(({ id, name }) => [id, name]))
  const srNames = new Map(
    (await inventories.all()).flatMap(({ pool, inventory }) => inventory.srs.map((sr) => [`${pool.id}/${sr.uuid}`, sr.name])),
  )
  const names: Names = {
    pool: (id) => poolNames.get(id) ?? id.slice(0, 8),
    sr: (pool, uuid) => srNames.get(`${pool}/${uuid}`) ?? uuid.slice(0, 8),
    target: (target) => (target === null ? '' : `${names.pool(target.pool)}/${names.sr(target.pool, target.sr)}`),
  }
  return names
}
