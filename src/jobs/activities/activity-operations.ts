/** Activities as the API shows, cancels and continues them: what is stored, and what is under way as it is at this moment. */
import type { Activity, ActivityCause, ActivityDetail } from '../../core/control/activity.ts'
import { formatActivityReport } from '../../core/control/activity-report.ts'
import type { Actor } from '../../core/control/audit.ts'
import { Failure } from '../../core/failure.ts'
import { findActivity, findActivityDetail, type StoredActivity } from '../../store/activities/find-activity.ts'
import { listActivities } from '../../store/activities/list-activities.ts'
import { updateActivity } from '../../store/activities/update-activity.ts'
import type { Store } from '../../store/open-store.ts'
import type { ActivityOperations } from '../control-plane.ts'
import type { ActivityService } from './activity-service.ts'

export interface ActivityOperationParts {
  readonly store: Store
  readonly service: ActivityService
  readonly onActivity: (activity: Activity) => void
  /** Begins what is stored anew. */
  readonly beginAgain: (stored: StoredActivity, by: Actor, cause: ActivityCause) => Promise<Activity>
}

export function activityOperations({ store, service, onActivity, beginAgain }: ActivityOperationParts): ActivityOperations {
  const notFound = (id: string) => new Failure('ACTIVITY_NOT_FOUND', `there is no activity ${id}`)
  const get = async (id: string): Promise<ActivityDetail> => {
    const stored = await findActivityDetail(store.db, id)
    if (stored === undefined) throw notFound(id)
    const live = service.live(id)
    return live === undefined ? stored : { ...stored, ...live.record, timeline: [...stored.timeline, ...live.lines] }
  }
  return {
    async list(filter) {
      const { items, next } = await listActivities(store.db, filter)
      return { items: items.map((each) => service.live(each.id)?.record ?? each), next }
    },
    get,
    report: async (id) => formatActivityReport(await get(id)),
    async cancel(id) {
      const cancelled = service.cancel(id) ?? (await findActivity(store.db, id))?.activity
      if (cancelled === undefined) throw notFound(id)
      return cancelled
    },
    async continue(id, by) {
      const stored = await findActivity(store.db, id)
      if (stored === undefined) throw notFound(id)
      const { activity } = stored
      if (!activity.canContinue || service.live(id) !== undefined) {
        throw new Failure('ACTIVITY_OVER', `activity ${id} is ${activity.state}: there is nothing to go on with`)
      }
      const begun = await beginAgain(stored, by, { kind: 'continued', activity: id })
      const over = { ...activity, canContinue: false }
      await store.transaction((db) => updateActivity(db, over, { lines: [] }))
      onActivity(over)
      return begun
    },
  }
}
