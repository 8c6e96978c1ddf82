import type { Activity, ActivityFilter } from '../../core/control/activity.ts'
import type { Page } from '../../core/control/page.ts'
import { keyAfter, pageLimit, pageOf } from '../keyset.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'
import { activityOfRow } from './activity-row.ts'

const SHOWN = ['id', 'kind', 'state', 'job_id', 'plan_id', 'queued_at', 'started_at', 'ended_at', 'detail'] as const

/** Newest first. Throws Failure CURSOR_INVALID. */
export async function listActivities(db: Queries, filter: ActivityFilter): Promise<Page<Activity>> {
  const limit = pageLimit(filter)
  const after = keyAfter(filter)
  const { kind, state, job, vm, plan, since, until } = filter
  let query = db.selectFrom('activities').select(SHOWN)
  if (kind !== undefined) query = query.where('kind', 'in', [...kind])
  if (state !== undefined) query = query.where('state', 'in', [...state])
  if (job !== undefined) query = query.where('job_id', '=', job)
  if (plan !== undefined) query = query.where('plan_id', '=', plan)
  if (vm !== undefined)
    query = query.where('id', 'in', (expression) =>
      expression.selectFrom('activity_vms').select('activity_vms.activity_id').where('activity_vms.vm_uuid', '=', vm),
    )
  if (since !== undefined) query = query.where('queued_at', '>=', fromTimestamp(since))
  if (until !== undefined) query = query.where('queued_at', '<', fromTimestamp(until))
  if (after) query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('queued_at', 'id'), '<', tuple(after.at, after.id)))
  const rows = await query
    .orderBy('queued_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return pageOf(rows, limit, ({ queued_at, id }) => ({ at: queued_at, id }), activityOfRow)
}
