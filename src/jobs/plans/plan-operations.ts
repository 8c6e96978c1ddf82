/** Recovery plans as the API keeps and runs them. */
import { randomUUID } from 'node:crypto'
import type { Activity, ActivityCause } from '../../core/control/activity.ts'
import type { Actor } from '../../core/control/audit.ts'
import { planOfSpec, vmsOfPlan } from '../../core/control/plan-spec.ts'
import type { RecoveryPlanRecord, RecoveryPlanSpec, StartPlan } from '../../core/control/recovery-plan-record.ts'
import { Failure } from '../../core/failure.ts'
import type { Store } from '../../store/open-store.ts'
import { deleteRecoveryPlan } from '../../store/plans/delete-recovery-plan.ts'
import { findRecoveryPlan } from '../../store/plans/find-recovery-plan.ts'
import { insertRecoveryPlan } from '../../store/plans/insert-recovery-plan.ts'
import { listRecoveryPlans } from '../../store/plans/list-recovery-plans.ts'
import { replaceRecoveryPlan } from '../../store/plans/replace-recovery-plan.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { ActivityService } from '../activities/activity-service.ts'
import type { Clock } from '../clock.ts'
import type { PlanOperations, ServerEvent } from '../control-plane.ts'
import { confirmed } from '../failover/failover-operations.ts'
import { type FailoverParts, testClaim, vmClaim } from '../failover/parts.ts'
import { checkPlan, previewPlan } from './check-plan.ts'
import { runPlan } from './run-plan.ts'

const LOOK_MS = 120_000

export interface PlanService extends PlanOperations {
  /** What was agreed to already. */
  begin(id: string, request: StartPlan, by: Actor, cause: ActivityCause): Promise<Activity>
}

export interface PlanParts {
  readonly store: Store
  readonly clock: Clock
  readonly failover: FailoverParts
  readonly activities: ActivityService
  readonly emit: (event: ServerEvent) => void
}

export function planOperations({ store, clock, failover, activities, emit }: PlanParts): PlanService {
  const get = async (id: string): Promise<RecoveryPlanRecord> => {
    const plan = await findRecoveryPlan(store.db, id)
    if (plan === undefined) throw new Failure('RECOVERY_PLAN_NOT_FOUND', `there is no recovery plan ${id}`)
    return plan
  }
  const told = (plan: RecoveryPlanRecord): RecoveryPlanRecord => {
    emit({ kind: 'plan', plan })
    return plan
  }
  const begin = async (plan: RecoveryPlanRecord, request: StartPlan, by: Actor, cause: ActivityCause): Promise<Activity> => {
    planOfSpec(plan)
    const vms = vmsOfPlan(plan)
    const claim =
      request.mode === 'test'
        ? ({ vm, target }: (typeof vms)[number]) => testClaim(vm, target)
        : ({ vm }: (typeof vms)[number]) => vmClaim(vm)
    const { confirm: _, agreed: __, ...wanted } = request
    return activities.begin({
      kind: 'plan',
      subject: { job: null, jobName: null, sourcePool: null, vm: null, target: null, plan: { id: plan.id, name: plan.name }, seed: null },
      by,
      cause,
      vms: vms.map(({ vm }) => vm),
      request: wanted,
      claims: [`plan ${plan.id}`, ...vms.map(claim)],
      work: (context) => runPlan(failover, plan, request, context),
    })
  }
  return {
    list: () => listRecoveryPlans(store.db),
    get,
    async create(spec) {
      planOfSpec(spec)
      const now = toTimestamp(clock.now())
      const plan: RecoveryPlanRecord = { ...specOf(spec), id: randomUUID(), createdAt: now, updatedAt: now, version: 1 }
      await store.transaction((db) => insertRecoveryPlan(db, plan), { durable: true })
      return told(plan)
    },
    async update(id, change, version) {
      const before = await get(id)
      const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
      const plan = { ...before, ...given, id, version: (version ?? before.version) + 1, updatedAt: toTimestamp(clock.now()) }
      planOfSpec(plan)
      if (!(await store.transaction((db) => replaceRecoveryPlan(db, plan), { durable: true })))
        throw new Failure('RECOVERY_PLAN_CHANGED', `plan "${before.name}" is at version ${before.version} by now`)
      return told(plan)
    },
    async remove(id) {
      activities.assertFree([`plan ${id}`])
      if (!(await store.transaction((db) => deleteRecoveryPlan(db, id), { durable: true })))
        throw new Failure('RECOVERY_PLAN_NOT_FOUND', `there is no recovery plan ${id}`)
      emit({ kind: 'plan-removed', id })
    },
    check: (spec) => checkPlan(failover, spec, AbortSignal.timeout(LOOK_MS)),
    preview: async (id, request) => previewPlan(failover, await get(id), request, AbortSignal.timeout(LOOK_MS)),
    async start(id, request, by) {
      const plan = await get(id)
      confirmed(request.mode === 'test' ? null : plan.name, request.confirm)
      return begin(plan, request, by, { kind: 'hand' })
    },
    begin: async (id, request, by, cause) => begin(await get(id), request, by, cause),
  }
}

/** Only what a plan consists of, whatever else came along. */
function specOf({
  name,
  description,
  onFailure,
  ready,
  readyTimeoutSeconds,
  scriptTimeoutSeconds,
  networks,
  groups,
}: RecoveryPlanSpec): RecoveryPlanSpec {
  return { name, description, onFailure, ready, readyTimeoutSeconds, scriptTimeoutSeconds, networks, groups }
}
