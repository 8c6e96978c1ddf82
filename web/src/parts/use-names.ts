/** Names for the ids and uuids that jobs, runs and protections carry. */
import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { inventoryQuery, poolsQuery } from '../api/queries.ts'
import type { InventorySr, InventoryVm, Pool, PoolInventory, Target } from '../api/types.ts'

export interface SeenVm extends InventoryVm {
  readonly pool: string
}
export interface SeenSr extends InventorySr {
  readonly pool: string
}

export interface Names {
  readonly pools: readonly Pool[]
  readonly inventories: readonly PoolInventory[]
  readonly vms: readonly SeenVm[]
  readonly srs: readonly SeenSr[]
  /** Not all of them were read yet. */
  readonly isPending: boolean
  readonly error: Error | null
  pool(id: string): string
  sr(target: Target): SeenSr | undefined
  target(target: Target): string
  vm(pool: string, uuid: string): SeenVm | undefined
}

export function useNames(): Names {
  const pools = useQuery(poolsQuery)
  const seen = useQueries({ queries: (pools.data ?? []).map(({ id }) => inventoryQuery(id)) })
  const inventories = seen.flatMap(({ data }) => (data === undefined ? [] : [data]))
  const isPending = pools.isPending || seen.some((one) => one.isPending)
  // Inventories are the same objects until something of them changes.
  const stamp = [pools.data, ...inventories]
  // biome-ignore lint/correctness/useExhaustiveDependencies: the stamp is all that it is made of
  return useMemo(() => {
    const vms = inventories.flatMap((inventory) => inventory.vms.map((vm) => ({ ...vm, pool: inventory.pool })))
    const srs = inventories.flatMap((inventory) => inventory.srs.map((sr) => ({ ...sr, pool: inventory.pool })))
    const byVm = new Map(vms.map((vm) => [`${vm.pool}/${vm.uuid}`, vm]))
    const bySr = new Map(srs.map((sr) => [`${sr.pool}/${sr.uuid}`, sr]))
    const pool = (id: string) => pools.data?.find((one) => one.id === id)?.name ?? id.slice(0, 8)
    const sr = (target: Target) => bySr.get(`${target.pool}/${target.sr}`)
    return {
      pools: pools.data ?? [],
      inventories,
      vms,
      srs,
      isPending,
      error: pools.error,
      pool,
      sr,
      target: (target: Target) => `${sr(target)?.name ?? target.sr.slice(0, 8)} (${pool(target.pool)})`,
      vm: (id: string, uuid: string) => byVm.get(`${id}/${uuid}`),
    }
  }, [isPending, pools.error, stamp.length, ...stamp])
}
