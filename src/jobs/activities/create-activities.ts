/** Puts together what is done by activities: failing over, recovery plans, seeds, and tests that begin by themselves. */
import { createByteBudget } from '../../block/budget.ts'
import type { Activity, ActivityCause } from '../../core/control/activity.ts'
import type { Actor } from '../../core/control/audit.ts'
import type { FailoverRequest } from '../../core/control/failover-request.ts'
import type { StartPlan } from '../../core/control/recovery-plan-record.ts'
import { Failure } from '../../core/failure.ts'
import type { StoredActivity } from '../../store/activities/find-activity.ts'
import type { Store } from '../../store/open-store.ts'
import type { Clock } from '../clock.ts'
import type { ServerEvent } from '../control-plane.ts'
import { failoverOperations } from '../failover/failover-operations.ts'
import { HealthChecks } from '../failover/health-checks.ts'
import type { FailoverParts } from '../failover/parts.ts'
import type { JobBook } from '../job-book.ts'
import type { AlertBook } from '../notifications/alert-book.ts'
import { planOperations } from '../plans/plan-operations.ts'
import type { PoolAccess } from '../pool-access.ts'
import type { ProtectionWatch } from '../protection/protection-watch.ts'
import type { RunService } from '../runs/run-service.ts'
import { seedOperations } from '../seeds/seed-operations.ts'
import { activityOperations } from './activity-operations.ts'
import { ActivityService } from './activity-service.ts'

/** Block data in memory at once, all activities together. */
const MEMORY = 64 * 1024 * 1024

export interface ActivitiesParts {
  readonly store: Store
  readonly clock: Clock
  readonly pools: PoolAccess
  readonly book: JobBook
  readonly alerts: AlertBook
  readonly service: RunService
  readonly watch: () => ProtectionWatch
  /** Where seeds are kept; undefined: nowhere. */
  readonly seedsFolder: string | undefined
  readonly lockTiming?: FailoverParts['lockTiming']
  readonly emit: (event: ServerEvent) => void
  readonly onError: (error: unknown) => void
}

export function createActivities(parts: ActivitiesParts) {
  const { store, clock, pools, book, alerts, service, emit, onError, seedsFolder, lockTiming } = parts
  const onActivity = (activity: Activity) => emit({ kind: 'activity', activity })
  const activities = new ActivityService({
    store,
    clock,
    onActivity,
    isVmBusy: (vm) => service.isVmBusy(vm),
    reserveVm: (vm, signal) => service.reserveVm(vm, signal),
    onError,
  })
  const failoverParts: FailoverParts = {
    pools,
    book,
    get watch() {
      return parts.watch()
    },
    budget: createByteBudget(MEMORY),
    isUnderWay: (activity) => activities.live(activity) !== undefined,
    isVmBusy: (vm) => service.isVmBusy(vm),
    ...(lockTiming === undefined ? {} : { lockTiming }),
  }
  const failover = failoverOperations(failoverParts, activities)
  const plans = planOperations({ store, clock, failover: failoverParts, activities, emit })
  const seeds = seedOperations({ folder: seedsFolder, failover: failoverParts, activities })
  const healthChecks = new HealthChecks({
    store,
    clock,
    book,
    alerts,
    failover,
    onState: (chain) => void parts.watch().noteChain(chain).catch(onError),
    onError,
  })

  function beginAgain({ activity, request }: StoredActivity, by: Actor, cause: ActivityCause): Promise<Activity> {
    switch (activity.kind) {
      case 'clone':
      case 'test-failover':
      case 'clean-up':
      case 'fence':
      case 'failover':
      case 'planned-failover':
      case 'undo-failover':
      case 'reprotect':
      case 'failback':
        return failover.begin(request as unknown as FailoverRequest, by, cause)
      case 'plan':
        return plans.begin(activity.subject.plan?.id ?? '', request as unknown as StartPlan, by, cause)
      case 'seed-snapshot':
      case 'seed-export':
      case 'seed-import':
      case 'seed-link':
        return seeds.beginAgain(activity.kind, request, by, cause)
      case 'verify':
        throw new Failure('ACTIVITY_OVER', 'reading back begins anew', 'start it again: understudy replica verify')
    }
  }

  return {
    activities,
    healthChecks,
    operations: { activities: activityOperations({ store, service: activities, onActivity, beginAgain }), failover, plans, seeds },
  }
}
