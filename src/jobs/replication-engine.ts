/** The engine of the server: VM runs carried out by src/replication, on connections that the registered pools have open. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ByteBudget } from '../block/block.ts'
import { createByteBudget } from '../block/budget.ts'
import { isWaitedFor, mayPass } from '../core/control/passing.ts'
import { Failure } from '../core/failure.ts'
import type { VmRunPlan } from '../core/plan.ts'
import { explainError, isInterruption } from '../replication/explain.ts'
import { prepareRun, type RunOptions, type RunOutcome } from '../replication/run.ts'
import { replicateToTargets } from '../replication/several-targets.ts'
import type { Xapi } from '../xapi/xapi.ts'
import type { Engine, EngineOutcome, EngineRequest } from './engine.ts'
import type { PoolAccess } from './pool-access.ts'
import { type SharedThrottles, sharedThrottles } from './shared-throttles.ts'

/** Block data in memory at once, all runs together. */
const MEMORY = 96 * 1024 * 1024
const LOOK_AGAIN_MS = 15_000

export interface ReplicationEngineOptions {
  readonly pools: Pick<PoolAccess, 'withPool'>
  readonly budget?: ByteBudget
  /** How often a chain that another run works on is looked at again. */
  readonly lookAgainMs?: number
}

export function replicationEngine({
  pools,
  budget = createByteBudget(MEMORY),
  lookAgainMs = LOOK_AGAIN_MS,
}: ReplicationEngineOptions): Engine {
  const throttles = sharedThrottles(() => {
    const now = new Date()
    return now.getHours() * 60 + now.getMinutes()
  })
  const attempt = (request: EngineRequest) => replicateOnce(request, pools, budget, throttles)
  return {
    async replicate(request) {
      const until = performance.now() + request.settings.waitMinutes * 60_000
      const outcomes = [...(await attempt(request))]
      for (let waiting = waitedFor(outcomes); waiting.length > 0 && performance.now() < until; waiting = waitedFor(outcomes)) {
        const why = outcomes[waiting[0] as number]
        const text = why?.kind === 'failed' && why.error instanceof Error ? why.error.message : ''
        for (const nth of waiting) request.onLog(nth, { level: 'info', text: `waiting: ${text}` })
        if (!(await pause(lookAgainMs, request.signal))) break
        const again = await attempt(narrowed(request, waiting))
        for (const [at, nth] of waiting.entries()) outcomes[nth] = again[at] as EngineOutcome
      }
      return outcomes
    },
  }
}

function waitedFor(outcomes: readonly EngineOutcome[]): number[] {
  return outcomes.flatMap((outcome, nth) =>
    outcome.kind === 'failed' && outcome.error instanceof Failure && isWaitedFor(outcome.error.code) ? [nth] : [],
  )
}

/** False when it was aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false)

/** The same for some of its targets. */
function narrowed(request: EngineRequest, targets: readonly number[]): EngineRequest {
  const at = (nth: number) => targets[nth] as number
  return {
    ...request,
    targets: targets.map((nth) => request.targets[nth] as EngineRequest['targets'][number]),
    targetSignals: targets.map((nth) => request.targetSignals[nth] as AbortSignal),
    onEvent: (target, event) => request.onEvent(at(target), event),
    onPlan: (target, plan) => request.onPlan(at(target), plan),
    onLog: (target, line) => request.onLog(target === null ? null : at(target), line),
  }
}

async function replicateOnce(
  request: EngineRequest,
  pools: ReplicationEngineOptions['pools'],
  budget: ByteBudget,
  throttles: SharedThrottles,
): Promise<readonly EngineOutcome[]> {
  const startedAt = new Date()
  const held = new Map<string, HeldPool>()
  for (const pool of [request.sourcePool, ...request.targets.map((target) => target.pool)]) {
    if (!held.has(pool)) held.set(pool, holdPool(pools, pool, request.signal))
  }
  const throttle = throttles.use(`${request.job} ${request.schedule}`, request.settings.limits, request.signal)
  const outcomes: (EngineOutcome | undefined)[] = request.targets.map(() => undefined)
  const plans: (VmRunPlan | undefined)[] = request.targets.map(() => undefined)
  try {
    const reached: { readonly nth: number; readonly options: RunOptions }[] = []
    for (const [nth, { pool, sr }] of request.targets.entries()) {
      try {
        const source = await (held.get(request.sourcePool) as HeldPool).xapi
        const target = await (held.get(pool) as HeldPool).xapi
        const onPlan = (plan: VmRunPlan) => {
          plans[nth] = plan
          request.onPlan(nth, plan)
        }
        reached.push({
          nth,
          options: {
            ...optionsOf(request, nth, sr, source, target, budget),
            onPlan,
            ...(throttle.beforeWrite && { beforeWrite: throttle.beforeWrite }),
          },
        })
      } catch (error) {
        outcomes[nth] = failed(error, request, nth)
      }
    }
    const results = request.dryRun
      ? await planAll(reached)
      : await replicateToTargets(
          reached.map(({ options }) => options),
          startedAt,
        )
    for (const [at, { nth }] of reached.entries()) outcomes[nth] = told(results[at], request, nth, plans[nth])
  } catch (error) {
    for (const [nth, outcome] of outcomes.entries()) outcomes[nth] = outcome ?? failed(error, request, nth)
  } finally {
    throttle.release()
    await Promise.all([...held.values()].map(({ release }) => release()))
  }
  return outcomes as EngineOutcome[]
}

function optionsOf(request: EngineRequest, nth: number, sr: string, source: Xapi, target: Xapi, budget: ByteBudget): RunOptions {
  const { settings, retention, run, job, schedule, vm } = request
  return {
    source,
    target,
    ids: { run, job, schedule, vm, sr },
    retention,
    verify: settings.verify,
    onBrokenChain: settings.onBrokenChain,
    networks: new Map(Object.entries(settings.networks)),
    excludeDisks: new Set(settings.excludeDisks),
    allowInsecureNbd: settings.allowInsecureNbd,
    memory: settings.memory,
    disksAtOnce: settings.disksAtOnce,
    waitMs: settings.waitMinutes * 60_000,
    signal: AbortSignal.any([request.signal, request.targetSignals[nth] as AbortSignal]),
    budget,
    onEvent: (event) => request.onEvent(nth, event),
  }
}

type Planned = { readonly kind: 'success' } | Extract<RunOutcome, { kind: 'failure' }>

function planAll(reached: readonly { readonly options: RunOptions }[]): Promise<Planned[]> {
  return Promise.all(
    reached.map(({ options }) =>
      prepareRun(options).then(
        (): Planned => ({ kind: 'success' }),
        (error: unknown): Planned => ({ kind: 'failure', error }),
      ),
    ),
  )
}

function told(result: RunOutcome | Planned | undefined, request: EngineRequest, nth: number, plan: VmRunPlan | undefined): EngineOutcome {
  if (result === undefined) return failed(new Error('the run told of no outcome'), request, nth)
  if (result.kind === 'failure') return failed(result.error, request, nth)
  if ('report' in result) return { kind: 'done', report: result.report }
  return plan === undefined ? failed(new Error('the run told of no plan'), request, nth) : { kind: 'planned', plan }
}

function failed(error: unknown, { signal, targetSignals }: EngineRequest, nth: number): EngineOutcome {
  if (signal.aborted || targetSignals[nth]?.aborted) return { kind: 'cancelled' }
  const explained = explainError(error)
  const passing = isInterruption(error) || (explained instanceof Failure && (mayPass(explained.code) || isInterruption(explained.cause)))
  return { kind: 'failed', error: explained, passing }
}

interface HeldPool {
  readonly xapi: Promise<Xapi>
  readonly release: () => Promise<void>
}

/** A pool's connection from now until `release`; one that can't be reached fails only what needs it. */
function holdPool(pools: ReplicationEngineOptions['pools'], pool: string, signal: AbortSignal): HeldPool {
  const got = Promise.withResolvers<Xapi>()
  const over = Promise.withResolvers<void>()
  const left = pools.withPool(pool, signal, (xapi) => {
    got.resolve(xapi)
    return over.promise
  })
  left.catch(got.reject)
  // Whoever does not wait for it any more does not leave a rejection behind.
  got.promise.catch(() => undefined)
  return {
    xapi: got.promise,
    release: async () => {
      over.resolve()
      await left.catch(() => undefined)
    },
  }
}
