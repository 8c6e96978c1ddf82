/** Reads from a target pool what its restore points say was achieved: the pools know it, the database only remembers. */
import { newestFirst } from '../../core/restore-point-order.ts'
import { listRestorePoints } from '../../replication/list-restore-points.ts'
import { viewPool } from '../../replication/pool-view.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { PoolAccess } from '../pool-access.ts'
import type { LearntChain } from '../protection/protection-watch.ts'

export async function learnPoints(pools: PoolAccess, pool: string, signal: AbortSignal, jobs: ReadonlySet<string>): Promise<LearntChain[]> {
  const view = await pools.withPool(pool, signal, (xapi) => viewPool(xapi, signal))
  const chains = await listRestorePoints(view, ({ job }) => jobs.has(job))
  return chains.map(({ chain, replica, points }) => {
    const newest = newestFirst(points.filter(({ complete }) => complete))[0]
    const point = newest === undefined ? null : { uuid: newest.uuid, takenAt: toTimestamp(newest.takenAt) }
    return { ...chain, point, replica: replica ?? null }
  })
}
