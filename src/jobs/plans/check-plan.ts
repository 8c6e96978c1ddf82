/** Whether a recovery plan could be run as the pools are now, and what would be lost by it. */
import type { Reason } from '../../core/base.ts'
import { planOfSpec, vmsOfPlan } from '../../core/control/plan-spec.ts'
import type {
  PlanCheck,
  PlanPreview,
  PlanProblem,
  PlanRunMode,
  PlanVm,
  RecoveryPlanSpec,
  StartPlan,
} from '../../core/control/recovery-plan-record.ts'
import { Failure } from '../../core/failure.ts'
import { explainError } from '../../replication/explain.ts'
import { prepareTakeOver } from '../../replication/failover/take-over.ts'
import { findByUuid, type PoolView, viewPool } from '../../replication/pool-view.ts'
import { findPoint } from '../../replication/proof/find-point.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { knownChain } from '../failover/find-chain.ts'
import { type FailoverParts, lookingOptions } from '../failover/parts.ts'
import { besideSource } from '../failover/take-over.ts'

interface Looked {
  readonly problems: PlanProblem[]
  readonly vms: PlanCheck['vms'][number][]
  readonly lost: Reason[]
  readonly costs: Reason[]
  readonly warnings: Reason[]
}

export async function checkPlan(parts: FailoverParts, spec: RecoveryPlanSpec, signal: AbortSignal): Promise<PlanCheck> {
  const { problems, vms } = await look(parts, spec, undefined, signal)
  return { ok: problems.length === 0, problems, vms }
}

export async function previewPlan(
  parts: FailoverParts,
  spec: RecoveryPlanSpec,
  { mode, keep = false, shutdown = 'clean', evenIfSourceRuns = false }: StartPlan,
  signal: AbortSignal,
): Promise<PlanPreview> {
  const { problems, vms, lost, costs, warnings } = await look(parts, spec, mode, signal, evenIfSourceRuns)
  const count = vmsOfPlan(spec).length
  return {
    ok: problems.length === 0,
    problems,
    vms,
    mode,
    title: `${TITLES[mode]} of plan "${spec.name}": ${count} ${count === 1 ? 'VM' : 'VMs'} in ${spec.groups.length} ${spec.groups.length === 1 ? 'group' : 'groups'}`,
    happens: happens(spec, mode, keep, shutdown),
    lost,
    costs,
    warnings,
    confirm: mode === 'test' ? null : spec.name,
  }
}

const TITLES: Readonly<Record<PlanRunMode, string>> = { test: 'Test', planned: 'Planned failover', unplanned: 'Unplanned failover' }

function happens({ groups, onFailure }: RecoveryPlanSpec, mode: PlanRunMode, keep: boolean, shutdown: 'clean' | 'hard'): Reason[] {
  const how = {
    test: 'clones on isolated networks are started at once and watched',
    planned: `the sources are ${shutdown === 'clean' ? 'shut down cleanly' : 'stopped by force'}, and their replicas take over at once and are watched`,
    unplanned: 'the replicas are started at once and watched',
  }[mode]
  return [
    ...groups.flatMap(({ name, delaySeconds, before, after, vms }): Reason[] => [
      ...(delaySeconds > 0 ? [{ code: 'delay', text: `${name}: ${delaySeconds} s are waited` }] : []),
      ...(before === null ? [] : [{ code: 'script', text: `${name}: ${before} is run on the manager` }]),
      { code: 'group', text: `${name}: ${vms.length} ${vms.length === 1 ? 'VM' : 'VMs'}, ${how}` },
      ...(after === null ? [] : [{ code: 'script', text: `${name}: then ${after} is run on the manager` }]),
    ]),
    {
      code: 'on-failure',
      text: onFailure === 'stop' ? 'when a group fails, those behind it are skipped' : 'when a group fails, the others go on',
    },
    ...(mode !== 'test'
      ? []
      : keep
        ? [{ code: 'kept', text: 'the VMs stay, running, until they are cleaned up' }]
        : [{ code: 'removed', text: 'at the end everything that was made is removed' }]),
  ]
}

/** With a mode also what only that needs. */
async function look(
  parts: FailoverParts,
  spec: RecoveryPlanSpec,
  mode: PlanRunMode | undefined,
  signal: AbortSignal,
  evenIfSourceRuns = false,
): Promise<Looked> {
  const out: Looked = { problems: [], vms: [], lost: [], costs: [], warnings: [] }
  try {
    planOfSpec(spec)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    out.problems.push({ group: null, vm: null, code: error.code, text: error.message })
    return out
  }
  const pools = new Set(vmsOfPlan(spec).map(({ target }) => target.pool))
  const known = new Set([...pools].flatMap((pool) => parts.pools.inventoryOf(pool)?.networks.map(({ uuid }) => uuid) ?? []))
  for (const network of Object.entries(spec.networks).flat()) {
    if (network !== null && !known.has(network))
      out.problems.push({ group: null, vm: null, code: 'NETWORK_NOT_FOUND', text: `no pool of the plan has a network ${network}` })
  }
  for (const pool of pools) {
    const here = spec.groups.flatMap(({ name, vms }) => vms.filter(({ target }) => target.pool === pool).map((vm) => ({ group: name, vm })))
    try {
      await parts.pools.withPool(pool, signal, async (xapi) => {
        const view = await viewPool(xapi, signal)
        for (const { group, vm } of here) await lookAtVm(parts, spec, mode, { xapi, view, group, vm, evenIfSourceRuns }, out, signal)
      })
    } catch (error) {
      signal.throwIfAborted()
      const { code, message } = asFailure(error)
      for (const { group, vm } of here) {
        out.problems.push({ group, vm: vm.vm, code, text: message })
        out.vms.push({ group, vm: vm.vm, name: knownChain(parts, chainRequest(vm)).vm.name, point: null, lossSeconds: null })
      }
    }
  }
  return out
}

const chainRequest = ({ vm, target, job }: PlanVm) => ({ vm, target, ...(job === null ? {} : { job }) })

interface LookAtVm {
  readonly xapi: Xapi
  readonly view: PoolView
  readonly group: string
  readonly vm: PlanVm
  readonly evenIfSourceRuns: boolean
}

async function lookAtVm(
  parts: FailoverParts,
  spec: RecoveryPlanSpec,
  mode: PlanRunMode | undefined,
  { xapi, view, group, vm, evenIfSourceRuns }: LookAtVm,
  out: Looked,
  signal: AbortSignal,
): Promise<void> {
  const chain = knownChain(parts, chainRequest(vm))
  const { name } = chain.vm
  const problem = (code: string, text: string) => void out.problems.push({ group, vm: vm.vm, code, text: `${name}: ${text}` })
  const wanted = { kind: 'newest', vm: vm.vm, sr: vm.target.sr, job: vm.job ?? undefined } as const
  try {
    const { point } = await findPoint(view, wanted)
    const lossSeconds = Math.max(0, (Date.now() - point.takenAt) / 1000)
    out.vms.push({ group, vm: vm.vm, name, point: { uuid: point.uuid, takenAt: new Date(point.takenAt).toISOString() }, lossSeconds })
    if (mode === 'unplanned' || mode === 'planned') {
      const wishes = {
        wanted,
        kind: mode,
        clone: false,
        networks: { kind: 'replica' },
        mapping: mappingOn(view, spec),
        macs: 'keep',
      } as const
      const { plan } = await besideSource(parts, mode === 'unplanned' ? chain : { sourcePool: undefined }, signal, (source) =>
        prepareTakeOver(lookingOptions(xapi, signal), { ...wishes, ...source, evenIfSourceRuns }),
      )
      const named = ({ text, ...reason }: Reason): Reason => ({ ...reason, text: `${name}: ${text}` })
      // As planned, nothing that the source wrote is lost.
      if (mode === 'unplanned') out.lost.push(...plan.lost.map(named))
      out.costs.push(...plan.costs.map(named))
      out.warnings.push(...plan.warnings.map(named))
    }
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = asFailure(error)
    if (!out.vms.some((each) => each.vm === vm.vm)) out.vms.push({ group, vm: vm.vm, name, point: null, lossSeconds: null })
    problem(code, message)
  }
  if (mode !== 'planned') return
  const state = parts.pools.statuses().find(({ id }) => id === chain.sourcePool)?.state
  if (state !== 'connected') problem('SOURCE_POOL_UNKNOWN', 'a planned failover needs the source pool, which is not connected')
}

/** Those of the plan's networks that a pool has: a plan may span several. */
export function mappingOn(view: Pick<PoolView, 'network'>, { networks }: Pick<RecoveryPlanSpec, 'networks'>): Map<string, string | null> {
  return new Map(Object.entries(networks).filter(([from]) => findByUuid(view.network, from) !== undefined))
}

function asFailure(error: unknown): { readonly code: string; readonly message: string } {
  const explained = explainError(error)
  return explained instanceof Failure ? explained : { code: 'UNEXPECTED', message: (explained as Error).message }
}
