/** What the API asks to be done with replicas: looked at first, then begun as an activity. */
import type { Activity, ActivityCause } from '../../core/control/activity.ts'
import type { Actor } from '../../core/control/audit.ts'
import type { FailoverConfirmation, FailoverRequest } from '../../core/control/failover-request.ts'
import { showsFailover } from '../../core/control/shows-failover.ts'
import { Failure } from '../../core/failure.ts'
import { explainError } from '../../replication/explain.ts'
import type { ActivityService } from '../activities/activity-service.ts'
import type { FailoverOperations } from '../control-plane.ts'
import { prepareCleanUp, prepareClone, prepareTest } from './copies.ts'
import { prepareFence } from './fence.ts'
import { type FailoverParts, type Prepared, vmClaim } from './parts.ts'
import { preparePlanned } from './planned.ts'
import { failoverStatus } from './status.ts'
import { prepareFailover } from './take-over.ts'
import { prepareFailback, prepareReprotectVm } from './turn-round.ts'
import { prepareUndo } from './undo.ts'
import { untilShown } from './until-shown.ts'

/** What no two may do with one VM at once. */
const ALONE: readonly FailoverRequest['kind'][] = ['failover', 'planned-failover', 'undo-failover', 'reprotect', 'failback']

/** Both pools are looked at before anything is begun. */
const LOOK_MS = 60_000

export interface FailoverService extends FailoverOperations {
  /** What was agreed to already: begun by the server itself, or gone on with. */
  begin(request: FailoverRequest, by: Actor, cause: ActivityCause, onEnded?: (activity: Activity) => void): Promise<Activity>
}

export function failoverOperations(parts: FailoverParts, activities: ActivityService): FailoverService {
  const looking = async <T>(look: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await look(AbortSignal.timeout(LOOK_MS))
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError')
        throw new Failure('POOL_TIMEOUT', `the pools did not tell within ${LOOK_MS / 1000} s`, 'try again once they answer', error)
      throw explainError(error)
    }
  }
  const prepare = (request: FailoverRequest) => looking((signal) => prepareAny(parts, request, signal))
  const begin = async (
    request: FailoverRequest,
    prepared: Prepared,
    by: Actor,
    cause: ActivityCause,
    onEnded?: (activity: Activity) => void,
  ): Promise<Activity> => {
    const { claims, reserves, impatient, subject } = prepared
    if (impatient) for (const vm of reserves) refuseBusy(parts, vm, subject.vm?.name ?? vm)
    return activities.begin({
      kind: request.kind,
      subject,
      by,
      cause,
      vms: subject.vm === null ? [] : [subject.vm.uuid],
      request,
      claims,
      ...(onEnded === undefined ? {} : { onEnded }),
      async work(context) {
        for (const vm of reserves) await context.reserve(vm)
        const done = await prepared.work(context)
        const { pools, watch } = parts
        const isShown = () =>
          showsFailover(
            request,
            done.result,
            pools.statuses().flatMap(({ id }) => pools.inventoryOf(id) ?? []),
          )
        if (!(await untilShown(pools, isShown, context.signal)))
          context.log('warning', 'the pools have not told of it yet: until they do, it is shown as before')
        // What was done is done, whatever becomes of what is shown.
        await watch.sync().catch((error: Error) => context.log('warning', `protections are shown as before: ${error.message}`))
        return done
      },
    })
  }
  return {
    status: (filter) => looking((signal) => failoverStatus(parts, (claim) => activities.claimedBy(claim)?.id, filter, signal)),
    preview: async (request) => (await prepare(request)).preview,
    async start({ confirm, agreed, ...request }: FailoverRequest & FailoverConfirmation, by) {
      const wanted = request as FailoverRequest
      // Who comes second is told so before the pools are asked, and again when it begins.
      if (ALONE.includes(wanted.kind) && wanted.vm !== undefined) activities.assertFree([vmClaim(wanted.vm)])
      const prepared = await prepare(wanted)
      confirmed(prepared.preview.confirm, confirm)
      if (agreed !== undefined && agreed !== prepared.preview.agreed)
        throw new Failure(
          'PLAN_CHANGED',
          'something changed since the preview was shown: another restore point, or something else would be lost',
        )
      return begin(wanted, prepared, by, { kind: 'hand' })
    },
    begin: async (request, by, cause, onEnded) => begin(request, await prepare(request), by, cause, onEnded),
  }
}

export function confirmed(asked: string | null, given: string | undefined): void {
  if (asked === null || asked === given) return
  throw new Failure(
    'CONFIRMATION_NEEDED',
    given === undefined ? `this takes the name "${asked}", typed` : `"${given.slice(0, 100)}" is not the name "${asked}"`,
  )
}

export function refuseBusy({ isVmBusy }: Pick<FailoverParts, 'isVmBusy'>, vm: string, name: string): void {
  if (!isVmBusy(vm)) return
  throw new Failure(
    'RUN_UNDER_WAY',
    `a run of "${name}" is under way`,
    'cancel it (understudy run list --state running, understudy run cancel), or wait for its end; a clone can take over at any time',
  )
}

function prepareAny(parts: FailoverParts, request: FailoverRequest, signal: AbortSignal): Promise<Prepared> {
  switch (request.kind) {
    case 'clone':
      return prepareClone(parts, request, signal)
    case 'test-failover':
      return prepareTest(parts, request, signal)
    case 'clean-up':
      return prepareCleanUp(parts, request, signal)
    case 'fence':
      return prepareFence(parts, request, signal)
    case 'failover':
      return prepareFailover(parts, request, signal)
    case 'planned-failover':
      return preparePlanned(parts, request, signal)
    case 'undo-failover':
      return prepareUndo(parts, request, signal)
    case 'reprotect':
      return prepareReprotectVm(parts, request, signal)
    case 'failback':
      return prepareFailback(parts, request, signal)
  }
}
