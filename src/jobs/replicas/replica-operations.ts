/** Replicas as the API shows and verifies them. */
import { randomUUID } from 'node:crypto'
import { createByteBudget } from '../../block/budget.ts'
import type { Actor } from '../../core/control/audit.ts'
import type { Target } from '../../core/control/job.ts'
import type { Page } from '../../core/control/page.ts'
import type { Protection, ProtectionState } from '../../core/control/protection.ts'
import { readTestedMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { explainError } from '../../replication/explain.ts'
import { bytesOf, listRestorePoints } from '../../replication/list-restore-points.ts'
import { findByUuid, type PoolView, viewPool } from '../../replication/pool-view.ts'
import { findPoint } from '../../replication/proof/find-point.ts'
import { type PointProof, type ProofMode, provePoint } from '../../replication/proof/verify-point.ts'
import type { Store } from '../../store/open-store.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import { lastVerifications, putVerification, type StoredVerification } from '../../store/verifications/verifications.ts'
import type { ActivityContext } from '../activities/active-activity.ts'
import type { ActivityService } from '../activities/activity-service.ts'
import type { Clock } from '../clock.ts'
import type { ProtectionFilter, ReplicaOperations, RestorePoint, ServerEvent } from '../control-plane.ts'
import { plainReport } from '../failover/parts.ts'
import type { PoolAccess } from '../pool-access.ts'
import type { ProtectionWatch } from '../protection/protection-watch.ts'
import { pageOfList } from './page-of-list.ts'

const MEMORY = 32 * 1024 * 1024
const LOOK_MS = 60_000

export interface ReplicaParts {
  readonly store: Store
  readonly clock: Clock
  readonly pools: PoolAccess
  readonly watch: ProtectionWatch
  readonly emit: (event: ServerEvent) => void
  readonly activities: ActivityService
  readonly onError: (error: unknown) => void
}

export class Replicas implements ReplicaOperations {
  readonly #parts: ReplicaParts
  readonly #closing = new AbortController()

  constructor(parts: ReplicaParts) {
    this.#parts = parts
  }

  async protection(filter: ProtectionFilter): Promise<Page<Protection>> {
    const { state, job, pool, vm } = filter
    const wanted = this.#parts.watch
      .list()
      .filter(
        (each) =>
          (state === undefined || state.includes(each.state)) &&
          (job === undefined || each.job === job) &&
          (pool === undefined || each.sourcePool === pool || each.targetPool === pool) &&
          (vm === undefined || each.vm === vm),
      )
    const { items, next } = pageOfList(wanted, filter, ({ key }) => key)
    return { items: items.map((each) => each.show()), next }
  }

  async counts(): Promise<Readonly<Record<ProtectionState, number>>> {
    const counts = { protected: 0, 'at-risk': 0, missed: 0, pending: 0, paused: 0, 'failed-over': 0, unprotected: 0 }
    for (const { state } of this.#parts.watch.list()) counts[state]++
    return counts
  }

  async restorePoints({ pool, sr }: Target, vm: string): Promise<readonly RestorePoint[]> {
    const { pools, store } = this.#parts
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LOOK_MS)])
    const view = await pools
      .withPool(pool, signal, (xapi) => viewPool(xapi, signal))
      .catch((error: unknown) => {
        throw explainError(error)
      })
    const chains = await listRestorePoints(view, (chain) => chain.vm === vm && chain.sr === sr)
    const verified = await lastVerifications(store.db, pool)
    return chains.flatMap(({ chain, points }) =>
      points.map((point): RestorePoint => {
        const last = verified.get(point.uuid)
        return {
          uuid: point.uuid,
          name: point.name,
          takenAt: toTimestamp(point.takenAt),
          job: chain.job,
          schedule: point.schedule ?? null,
          bytes: bytesOf(view, point),
          complete: point.complete,
          memory: point.memory !== undefined,
          tested: testedAs(view, point.uuid),
          verified:
            last === undefined ? null : { at: toTimestamp(last.endedAt ?? last.startedAt), mode: last.mode, equal: last.equal === true },
        }
      }),
    )
  }

  async verify({ target, restorePoint, mode }: Parameters<ReplicaOperations['verify']>[0], by: Actor): Promise<{ readonly id: string }> {
    const { store, clock, pools, activities, watch } = this.#parts
    if (this.#closing.signal.aborted) throw new Failure('SERVER_CLOSING', 'the server is shutting down')
    if (!pools.statuses().some(({ id }) => id === target.pool))
      throw new Failure('RESTORE_POINT_NOT_FOUND', `there is no pool ${target.pool}`)
    const verification: StoredVerification = {
      id: randomUUID(),
      targetPool: target.pool,
      restorePoint,
      mode,
      startedAt: clock.now(),
      endedAt: null,
      equal: null,
      error: null,
      report: null,
    }
    await store.transaction((db) => putVerification(db, verification))
    const of = watch.all().find(({ newestPoint }) => newestPoint?.uuid === restorePoint)
    const subject = {
      job: of?.job ?? null,
      jobName: of?.jobName ?? null,
      sourcePool: of?.sourcePool ?? null,
      vm: of?.vm ?? null,
      target,
      plan: null,
      seed: null,
    }
    await activities.begin({
      id: verification.id,
      kind: 'verify',
      subject,
      by,
      vms: of === undefined ? [] : [of.vm.uuid],
      request: { target, restorePoint, mode },
      claims: [],
      work: (context) => this.#verify(verification, target, mode, context),
    })
    return { id: verification.id }
  }

  close(): void {
    this.#closing.abort(new Error('the server is shutting down'))
  }

  async #verify(begun: StoredVerification, target: Target, mode: ProofMode, context: ActivityContext) {
    const { store, clock, emit, onError } = this.#parts
    const { id, restorePoint } = begun
    context.step('read', 'reading it back')
    const ended = await this.#prove(restorePoint, target, mode, context).then(
      (proof) => ({ equal: proof.ok, error: proof.ok ? null : proof.summary, report: proof, thrown: undefined }),
      (error: unknown) => ({ equal: null, error: (explainError(error) as Error).message, report: null, thrown: error }),
    )
    try {
      const { equal, error, report } = ended
      await store.transaction((db) => putVerification(db, { ...begun, equal, error, report, endedAt: clock.now() }))
    } catch (error) {
      onError(error)
    }
    emit({ kind: 'verified', id, restorePoint, equal: ended.equal === true, error: ended.error })
    if (ended.report === null) throw ended.thrown
    const { ok: equal, summary: text } = ended.report
    return { result: { kind: 'verify' as const, equal, mode, restorePoint, text }, report: plainReport(ended.report) }
  }

  #prove(uuid: string, { pool, sr }: Target, mode: ProofMode, { signal, bytes }: ActivityContext): Promise<PointProof> {
    const { pools } = this.#parts
    return pools.withPool(pool, signal, async (xapi) => {
      const view = await viewPool(xapi, signal)
      const found = await findPoint(view, { kind: 'uuid', uuid, sr })
      const prove = (source: Parameters<typeof provePoint>[1]['source']) =>
        provePoint(found, {
          target: xapi,
          source,
          mode,
          signal,
          budget: createByteBudget(MEMORY),
          onProgress: (disk, done, expected) => bytes(disk.userdevice, 'verify', done, expected),
        })
      const from = this.#sourcePoolOf(found.chain.vm)
      if (from === undefined) return prove(undefined)
      if (from === pool) return prove({ xapi, view })
      try {
        return await pools.withPool(from, signal, async (source) => prove({ xapi: source, view: await viewPool(source, signal) }))
      } catch (error) {
        // The replica is there for the day that the source is not: then it is verified without it.
        signal.throwIfAborted()
        const alone = await prove(undefined)
        return { ...alone, notes: [...alone.notes, `the source pool could not be looked at: ${(explainError(error) as Error).message}`] }
      }
    })
  }

  #sourcePoolOf(vm: string): string | undefined {
    const { pools } = this.#parts
    return pools.statuses().find(({ id, state }) => state === 'connected' && pools.inventoryOf(id)?.vms.some(({ uuid }) => uuid === vm))?.id
  }
}

function testedAs(view: PoolView, point: string): RestorePoint['tested'] {
  return readTestedMark(findByUuid(view.VM, point)?.[1].other_config ?? {}) ?? null
}
