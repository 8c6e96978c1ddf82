import type { Page, RunFilter } from '../../core/control/page.ts'
import type { Run } from '../../core/control/run-record.ts'
import { keyAfter, mergeNewest, pageLimit, pageOf } from '../keyset.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'
import { type RunRow, runOfRow } from './run-row.ts'

const keyOf = (row: RunRow) => ({ at: row.queued_at, id: row.id })

/** Newest first. Throws Failure CURSOR_INVALID. */
export async function listRuns(db: Queries, filter: RunFilter): Promise<Page<Run>> {
  const limit = pageLimit(filter)
  const rows = filter.vm === undefined ? await ofAll(db, filter, limit + 1) : await ofVm(db, filter.vm, filter, limit + 1)
  return pageOf(rows, limit, keyOf, runOfRow)
}

/** Each state has its index in order of time: pages of each are merged, so that rare states are found without reading the others. */
async function ofAll(db: Queries, filter: RunFilter, count: number): Promise<RunRow[]> {
  // One job's runs are few enough to be looked through.
  if (filter.state === undefined || filter.job !== undefined) return runsQuery(db, filter, filter.state, count).execute()
  const pages = await Promise.all([...new Set(filter.state)].map((state) => runsQuery(db, filter, [state], count).execute()))
  return mergeNewest(pages, count, keyOf)
}

export function runsQuery(db: Queries, filter: RunFilter, states: RunFilter['state'], count: number) {
  const after = keyAfter(filter)
  let query = db.selectFrom('runs').selectAll()
  if (filter.job !== undefined) query = query.where('job_id', '=', filter.job)
  if (filter.schedule !== undefined) query = query.where('schedule_id', '=', filter.schedule)
  const [state, ...more] = states ?? []
  if (states !== undefined) {
    query = state !== undefined && more.length === 0 ? query.where('state', '=', state) : query.where('state', 'in', [...states])
  }
  if (filter.since !== undefined) query = query.where('queued_at', '>=', fromTimestamp(filter.since))
  if (filter.until !== undefined) query = query.where('queued_at', '<', fromTimestamp(filter.until))
  if (after) query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('queued_at', 'id'), '<', tuple(after.at, after.id)))
  return query.orderBy('queued_at', 'desc').orderBy('id', 'desc').limit(count)
}

/** By way of its VM runs, which hold when their run was queued: in order without looking at other VMs' runs. */
async function ofVm(db: Queries, vm: string, filter: RunFilter, count: number): Promise<RunRow[]> {
  const ids = await runIdsOfVm(db, vm, filter, count).execute()
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('runs')
    .selectAll()
    .where(
      'id',
      'in',
      ids.map(({ run_id }) => run_id),
    )
    .execute()
  return mergeNewest([rows], count, keyOf)
}

export function runIdsOfVm(db: Queries, vm: string, filter: RunFilter, count: number) {
  const after = keyAfter(filter)
  let query = db.selectFrom('vm_runs').select(['run_queued_at', 'run_id']).distinct().where('vm_uuid', '=', vm)
  if (filter.job !== undefined) query = query.where('job_id', '=', filter.job)
  if (filter.schedule !== undefined) query = query.where('schedule_id', '=', filter.schedule)
  const { state } = filter
  if (state !== undefined) {
    query = query.where(({ exists, selectFrom }) =>
      exists(
        selectFrom('runs')
          .select('runs.id')
          .whereRef('runs.id', '=', 'vm_runs.run_id')
          .where('runs.state', 'in', [...state]),
      ),
    )
  }
  if (filter.since !== undefined) query = query.where('run_queued_at', '>=', fromTimestamp(filter.since))
  if (filter.until !== undefined) query = query.where('run_queued_at', '<', fromTimestamp(filter.until))
  if (after) query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('run_queued_at', 'run_id'), '<', tuple(after.at, after.id)))
  return query.orderBy('run_queued_at', 'desc').orderBy('run_id', 'desc').limit(count)
}
