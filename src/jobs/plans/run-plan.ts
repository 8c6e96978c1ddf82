/** Carries a recovery plan of the server out, on as many pools as it names. */
import { planAtStart, planWith } from '../../core/control/plan-progress.ts'
import { ENGINE_MODES, planOfSpec, vmsOfPlan } from '../../core/control/plan-spec.ts'
import type { PlanVm, RecoveryPlanRecord, StartPlan } from '../../core/control/recovery-plan-record.ts'
import { Failure } from '../../core/failure.ts'
import type { RecoveryReport } from '../../core/recovery-plan.ts'
import { recover } from '../../replication/failover/recovery.ts'
import type { SilentPool } from '../../replication/failover/source-look.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import type { ActivityContext } from '../activities/active-activity.ts'
import { type KnownChain, knownChain } from '../failover/find-chain.ts'
import { actingOptions, type FailoverParts, plainReport } from '../failover/parts.ts'
import { runSettings, settingsOf } from '../failover/run-settings.ts'
import { besideSource } from '../failover/take-over.ts'

const SHUTDOWN_S = 600

export async function runPlan(parts: FailoverParts, plan: RecoveryPlanRecord, request: StartPlan, context: ActivityContext) {
  const { mode, keep = false, shutdown = 'clean', shutdownTimeoutSeconds = SHUTDOWN_S, evenIfSourceRuns = false } = request
  const vms = vmsOfPlan(plan)
  const chains = new Map(vms.map((vm) => [vm.vm, chainOf(parts, vm)]))
  context.planRun(() => planAtStart(plan, mode, (vm) => chains.get(vm)?.vm.name ?? vm))
  if (mode !== 'test') await reserveAll(parts, [...chains.values()], mode === 'planned', context)
  const targets = new Set(vms.map(({ target }) => target.pool))
  const sources = mode === 'test' ? [] : [...chains.values()].flatMap(({ sourcePool }) => sourcePool ?? [])
  // Unplanned, the sources are only looked at: those that do not answer hold up nothing.
  const needed = mode === 'planned' ? new Set([...targets, ...sources]) : targets
  return withPools(parts, [...new Set([...targets, ...sources])], needed, context, async (pools) => {
    const networks = await networksOn(pools, targets, plan, context.signal)
    const report = await recover(actingOptions(parts, pools.get([...targets][0] as string) as Xapi, context), planOfSpec(plan), {
      mode: ENGINE_MODES[mode],
      keep,
      evenIfSourceRuns,
      shutdown,
      shutdownMs: shutdownTimeoutSeconds * 1000,
      scriptMs: plan.scriptTimeoutSeconds * 1000,
      onVm: (told) => context.planRun((before, now) => before && planWith(before, told, now)),
      of({ vm }) {
        const {
          target,
          job,
          sourcePool,
          vm: { name },
        } = chains.get(vm) as KnownChain
        const source = sourcePool === undefined ? undefined : pools.get(sourcePool)
        return {
          name,
          target: pools.get(target.pool) as Xapi,
          networks: networks.get(target.pool) ?? new Map(),
          ...(source === undefined
            ? {}
            : {
                source,
                settings: { ...runSettings(parts, job, context), networks: new Map(Object.entries(settingsOf(job).networks)) },
              }),
        }
      },
    })
    return { result: planResult(request, report, chains), report: plainReport(report) }
  })
}

const chainOf = (parts: FailoverParts, { vm, target, job }: PlanVm) => knownChain(parts, { vm, target, ...(job === null ? {} : { job }) })

/** As planned, runs that are under way are waited for. Otherwise such a VM is told by the engine, which finds its chain held. */
async function reserveAll(parts: FailoverParts, chains: readonly KnownChain[], waits: boolean, context: ActivityContext): Promise<void> {
  for (const { sourcePool, vm } of chains) {
    if (sourcePool === undefined) continue
    const key = `${sourcePool}/${vm.uuid}`
    if (waits || !parts.isVmBusy(key)) await context.reserve(key)
    else context.log('warning', `a run of "${vm.name}" is under way: it can't take over before that has ended`)
  }
}

type Reached = ReadonlyMap<string, Xapi | SilentPool>

/** Connections to all of them at once, as long as `use` takes; those that are not needed may be silent. */
function withPools<T>(
  parts: FailoverParts,
  pools: readonly string[],
  needed: ReadonlySet<string>,
  context: ActivityContext,
  use: (pools: Reached) => Promise<T>,
  got: Reached = new Map(),
): Promise<T> {
  const [first, ...rest] = pools
  if (first === undefined) return use(got)
  const go = (pool: Xapi | SilentPool) => withPools(parts, rest, needed, context, use, new Map([...got, [first, pool]]))
  if (needed.has(first)) return parts.pools.withPool(first, context.signal, go)
  return besideSource(parts, { sourcePool: first }, context.signal, ({ source }) =>
    go(source ?? { silent: 'it is not registered any more' }),
  )
}

/** By pool: what the plan says of networks that it has. */
async function networksOn(pools: Reached, targets: ReadonlySet<string>, plan: RecoveryPlanRecord, signal: AbortSignal) {
  const out = new Map<string, Map<string, string | null>>()
  const entries = Object.entries(plan.networks)
  const found = new Set<string>()
  for (const pool of targets) {
    const xapi = pools.get(pool) as Xapi
    const there = new Set([...(await xapi.records('network', { signal })).values()].map(({ uuid }) => uuid))
    for (const [from] of entries) if (there.has(from)) found.add(from)
    out.set(pool, new Map(entries.filter(([from]) => there.has(from))))
  }
  const missing = entries.find(([from]) => !found.has(from))
  if (missing !== undefined) throw new Failure('NETWORK_NOT_FOUND', `no pool of the plan has a network ${missing[0]}`)
  return out
}

function planResult({ mode }: StartPlan, report: RecoveryReport, chains: ReadonlyMap<string, KnownChain>) {
  const count = (outcome: string) => report.vms.filter((vm) => vm.outcome === outcome).length
  return {
    kind: 'plan' as const,
    mode,
    ok: report.ok,
    up: count('up'),
    failed: count('failed'),
    skipped: count('skipped'),
    seconds: report.seconds,
    removed: report.removed,
    vms: report.vms.map(({ group, vm, outcome, text, name, runs, seconds, lossSeconds }) => ({
      group,
      vm,
      name: chains.get(vm)?.vm.name ?? name ?? null,
      outcome,
      text,
      runs: runs ?? null,
      rtoSeconds: seconds ?? null,
      lossSeconds: lossSeconds ?? null,
    })),
  }
}
