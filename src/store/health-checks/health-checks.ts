import type { HealthCheckState } from '../../core/control/activity.ts'
import type { Target } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'

/** How a chain stands with test failovers that begin by themselves. */
export interface StoredHealthCheck {
  readonly job: string
  readonly sourcePool: string
  readonly vm: string
  readonly target: Target
  /** Successful runs since the last one was begun. */
  readonly runsSince: number
  readonly begunAt: number | null
  readonly last: HealthCheckState | null
}

export async function listHealthChecks(db: Queries): Promise<StoredHealthCheck[]> {
  const rows = await db.selectFrom('health_checks').selectAll().execute()
  return rows.map((row) => ({
    job: row.job_id,
    sourcePool: row.source_pool,
    vm: row.vm_uuid,
    target: { pool: row.target_pool, sr: row.target_sr },
    runsSince: row.runs_since,
    begunAt: row.begun_at,
    last: row.last === null ? null : JSON.parse(row.last),
  }))
}

export async function putHealthCheck(db: Queries, check: StoredHealthCheck): Promise<void> {
  const { job, sourcePool, vm, target, runsSince, begunAt, last } = check
  const change = { runs_since: runsSince, begun_at: begunAt, last: last === null ? null : JSON.stringify(last) }
  await db
    .insertInto('health_checks')
    .values({ job_id: job, source_pool: sourcePool, vm_uuid: vm, target_pool: target.pool, target_sr: target.sr, ...change })
    .onConflict((on) => on.columns(['job_id', 'source_pool', 'vm_uuid', 'target_pool', 'target_sr']).doUpdateSet(change))
    .execute()
}

export async function deleteHealthChecksOfJob(db: Queries, job: string): Promise<void> {
  await db.deleteFrom('health_checks').where('job_id', '=', job).execute()
}
