/**
 * Lets a replica, or a clone of a restore point, take over. What it is about to be is written on the VM before anything else is changed,
 * so that runs keep off and whoever comes after a crash finds how far it got: the same call again goes on, undo.ts takes it back.
 */
import type { Reason } from '../../core/base.ts'
import { asCode } from '../../core/errors/registry.ts'
import type { MacChoice, NetworkChoice } from '../../core/failover/copy-networks.ts'
import { planCopyNetworks } from '../../core/failover/copy-networks.ts'
import { type FailoverMark, readFailoverMark, readHomeMark } from '../../core/failover/marks.ts'
import type { Evidence } from '../../core/failover/readiness.ts'
import { planTakeOver, type TakeOverPlan } from '../../core/failover/take-over.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, REPLICA_TAG } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { destroyDisk } from '../destroy.ts'
import { explainError } from '../explain.ts'
import { inspectTarget } from '../inspect-target.ts'
import { findByUuid, type PoolView, viewPool } from '../pool-view.ts'
import { askByTracking, askStarted } from '../prepare-run.ts'
import type { WantedPoint } from '../proof/find-point.ts'
import { takeBase } from './base-snapshot.ts'
import { copyVm, placeVifs } from './copy-vm.ts'
import { setMark, unblock } from './failover-mark.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, isoTime, log, step } from './options.ts'
import { copyNetworks, type StartingPoint, startingPoint } from './point.ts'
import { type Readiness, watchUntilReady } from './readiness.ts'
import { replaceDisk } from './replace-disk.ts'
import { blockStart, lookAtSource, type SilentPool } from './source-look.ts'
import { startVm } from './start-vm.ts'
import { findFailedOver, giveBack, removeClone } from './undo.ts'

export interface TakeOverWishes {
  readonly wanted: WantedPoint
  readonly kind: 'planned' | 'unplanned'
  /** Rather than the replica itself. */
  readonly clone: boolean
  readonly networks: NetworkChoice
  readonly mapping: ReadonlyMap<string, string | null>
  readonly macs: MacChoice
  /** Of a clone. */
  readonly name?: string
  readonly readiness?: Readiness
  /** The source's pool, to see whether the source still runs: of an unplanned one. Undefined: only known when it is the same pool. */
  readonly source?: Xapi | SilentPool
  readonly evenIfSourceRuns?: boolean
}

export interface PreparedTakeOver {
  readonly plan: TakeOverPlan
  readonly start: StartingPoint
  readonly view: PoolView
  readonly replica: { readonly ref: Ref<'VM'>; readonly record: RecordOf['VM'] } | undefined
  readonly mark: FailoverMark | undefined
}

export interface TakeOverReport {
  readonly kind: 'failover'
  readonly id: string
  readonly plan: TakeOverPlan
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly startedAt: string
  /** `total` is the recovery time: from the beginning to a VM that is ready, or started when nothing was asked. */
  readonly seconds: { readonly prepare: number; readonly start: number; readonly ready: number; readonly total: number }
  /** Undefined: nobody asked. */
  readonly ready: boolean | undefined
  readonly evidence: readonly Evidence[]
  readonly addresses: readonly string[]
  readonly warnings: readonly Reason[]
}

/** Looks and decides; changes nothing. Throws Failure where there can be no failover. */
export async function prepareTakeOver(options: FailoverOptions, wishes: TakeOverWishes): Promise<PreparedTakeOver> {
  const { target, signal, clock } = options
  const view = await viewPool(target, signal)
  const start = await startingPoint(view, wishes.wanted)
  const inspected = await inspectTarget(view, start.chain, false, askByTracking(options), askStarted(options))
  const { replica } = inspected
  const mark = replica && readFailoverMark(replica.record.other_config, replica.record.uuid)
  const vifs = vifsOf(wishes, start, view, replica?.record)
  const decision = planTakeOver({
    kind: wishes.kind,
    clone: wishes.clone,
    chain: start.chain,
    target: inspected.facts,
    point: start.point,
    mark,
    startedAt: replica && (await askStarted(options)(replica.ref)),
    vifs,
    others: othersThatRun(view, start.chain.vm, wishes.clone ? undefined : replica?.ref),
    now: clock.now(),
    ...(wishes.kind === 'planned' ? {} : { source: await lookAtSource(options, view, start.chain.vm, wishes.source) }),
    evenIfSourceRuns: wishes.evenIfSourceRuns ?? false,
  })
  if (decision.kind === 'refused') {
    const { code, text, hint } = decision.refusal
    throw new Failure(asCode(code), text, hint)
  }
  return { plan: decision.plan, start, view, replica, mark }
}

/** A clone that was about to take over when that ended is no other: it is gone on with. */
function othersThatRun(view: PoolView, vm: string, self: Ref<'VM'> | undefined): string[] {
  return [...view.VM].flatMap(([ref, { is_a_snapshot: snapshot, power_state: state, other_config: config, uuid, name_label: name }]) => {
    if (snapshot || state === 'Halted' || ref === self) return []
    const mark = readFailoverMark(config, uuid)
    return mark?.vm === vm && !(mark.clone && mark.state === 'preparing') ? [name] : []
  })
}

/** In place the interfaces of the replica as it is, with its MACs; of a clone those of the restore point. */
function vifsOf(
  { kind, clone, networks, mapping, macs }: TakeOverWishes,
  start: StartingPoint,
  view: PoolView,
  replica: RecordOf['VM'] | undefined,
) {
  const own = (replica?.VIFs ?? []).flatMap((ref) => {
    const vif = view.VIF.get(ref)
    return vif === undefined ? [] : [{ device: vif.device, mac: vif.MAC, network: view.network.get(vif.network)?.uuid ?? '' }]
  })
  const shutDown = kind === 'planned' ? findByUuid(view.VM, start.chain.vm)?.[0] : undefined
  const planned = planCopyNetworks(clone ? start.vifs : own, copyNetworks(view, shutDown), networks, mapping, macs)
  if (planned.kind === 'plan') return planned.vifs
  throw new Failure('NETWORK_NOT_FOUND', `the pool has no network ${planned.network}`, 'look it up with xe network-list')
}

/**
 * Acts. `agreed`: the plan that somebody was shown; Failure PLAN_CHANGED when by now something else would be lost. A VM that can't be
 * started is given back to the chain.
 */
export async function takeOver(options: FailoverOptions, wishes: TakeOverWishes, agreed: TakeOverPlan): Promise<TakeOverReport> {
  const begun = options.clock.now()
  return holding(options, agreed.chain, wishes.clone ? 'clones' : 'chain', async (held) =>
    finish(held, wishes, await prepareAgain(held, wishes, agreed), begun),
  )
}

/** For whoever holds the chain already. */
export async function takeOverHeld(options: FailoverOptions, wishes: TakeOverWishes): Promise<TakeOverReport> {
  const begun = options.clock.now()
  return finish(options, wishes, await prepareTakeOver(options, wishes), begun)
}

async function prepareAgain(options: FailoverOptions, wishes: TakeOverWishes, agreed: TakeOverPlan): Promise<PreparedTakeOver> {
  const prepared = await prepareTakeOver(options, wishes)
  const losses = (plan: TakeOverPlan) => plan.lost.map(({ code }) => code).join()
  if (prepared.plan.point.uuid !== agreed.point.uuid || losses(prepared.plan) !== losses(agreed)) {
    throw new Failure('PLAN_CHANGED', 'something changed since the plan was shown: another restore point, or something else would be lost')
  }
  return prepared
}

async function finish(
  options: FailoverOptions,
  wishes: TakeOverWishes,
  prepared: PreparedTakeOver,
  begun: number,
): Promise<TakeOverReport> {
  const { clock, id } = options
  const since = (time: number) => (clock.now() - time) / 1000
  const { plan } = prepared
  const warnings: Reason[] = [...plan.warnings]
  const made = plan.clone ? await readyClone(options, wishes, prepared, warnings) : await readyReplica(options, prepared, warnings)
  const prepare = since(begun)
  step(options, 'start', `starting "${made.name}"`)
  const beforeStart = clock.now()
  await undoing(options, prepared, made.ref, async () => {
    if (wishes.kind === 'unplanned') await blockSource(options, prepared, wishes.source, made, warnings)
    await startVm(options, made.ref)
    await setMark(options, made.ref, { ...made.mark, state: 'active' })
  })
  const start = since(beforeStart)
  const beforeReady = clock.now()
  const watched = wishes.readiness && (await watch(options, made, wishes.readiness))
  return {
    kind: 'failover',
    id,
    plan,
    vm: { uuid: made.uuid, name: made.name },
    startedAt: isoTime(begun),
    seconds: { prepare, start, ready: since(beforeReady), total: since(begun) },
    ready: watched?.ready,
    evidence: watched?.evidence ?? [],
    addresses: watched?.addresses ?? [],
    warnings,
  }
}

/** A source that is down stays down. That its pool does not let that be done is no reason not to take over. */
async function blockSource(
  options: FailoverOptions,
  { plan }: PreparedTakeOver,
  source: TakeOverWishes['source'],
  made: Ready,
  warnings: Reason[],
): Promise<void> {
  if (!plan.happens.some(({ code }) => code === 'source-blocked')) return
  const pool = source === undefined || 'silent' in source ? options.target : source
  try {
    await blockStart(pool, plan.chain.vm, made, options.signal)
  } catch (error) {
    options.signal.throwIfAborted()
    const text = `the start of the source could not be blocked: ${(explainError(error) as Error).message}`
    warnings.push({ code: 'source-not-blocked', text, avoid: 'understudy failover fence, once its pool answers' })
  }
}

function watch(options: FailoverOptions, made: Ready, readiness: Readiness) {
  step(options, 'ready', `waiting for "${made.name}" to come up`)
  return watchUntilReady(options, made, readiness)
}

interface Ready {
  readonly ref: Ref<'VM'>
  readonly uuid: string
  readonly name: string
  readonly mark: FailoverMark
}

function markOf({ id, clock }: FailoverOptions, { plan }: PreparedTakeOver, self: string): FailoverMark {
  const { kind, clone, chain, point } = plan
  return {
    self,
    id,
    ...chain,
    kind,
    clone,
    state: 'preparing',
    at: isoTime(clock.now()),
    point: point.uuid,
    takenAt: point.takenAt,
  }
}

/** Runs `work`; when it fails, what is not started yet is given back to the chain, or removed if it is a clone. */
async function undoing<T>(options: FailoverOptions, { plan }: PreparedTakeOver, vm: Ref<'VM'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // The signal may be what ended it.
    const late = { ...options, signal: AbortSignal.timeout(180_000) }
    await takeBack(late, plan, vm).catch((failure: Error) =>
      log(
        options,
        `could not take it back now: the same command goes on from here, understudy failover undo takes it back (${failure.message})`,
      ),
    )
    options.signal.throwIfAborted()
    throw error instanceof Failure ? error : explainError(error)
  }
}

async function takeBack(options: FailoverOptions, { clone, chain }: TakeOverPlan, vm: Ref<'VM'>): Promise<void> {
  // An answer may be all that was lost.
  if ((await options.target.call<string>('VM.get_power_state', [vm], { signal: options.signal })) !== 'Halted') return
  if (clone) await removeClone(options, vm, chain.job)
  else await giveBack(options, vm)
}

async function readyClone(
  options: FailoverOptions,
  wishes: TakeOverWishes,
  prepared: PreparedTakeOver,
  warnings: Reason[],
): Promise<Ready> {
  const { plan, start, view } = prepared
  const { id, clock } = options
  const half = await settleHalf(options, plan)
  if (half !== undefined) return half
  const name = wishes.name ?? start.record.name_label.replace(/ \d{8}T\d{6}Z$/, '')
  step(options, 'clone', `cloning "${plan.point.name}"`)
  const copy = await copyVm(options, view, {
    of: start.ref,
    name,
    description: `Failed over with Understudy, ${plan.kind}, from the restore point of ${plan.point.takenAt}`,
    mark: { kind: 'work', id, job: plan.chain.job, vm: plan.chain.vm, point: plan.point.uuid, at: isoTime(clock.now()) },
    more: (self) => ({ ...autoPoweron(start.record), [MARK.failover]: JSON.stringify(markOf(options, prepared, self)) }),
    tags: [],
    vifs: plan.vifs,
  })
  const mark = markOf(options, prepared, copy.uuid)
  return undoing(options, prepared, copy.ref, async () => {
    const base = await takeBase(options, copy.ref, prepared.start, warnings)
    const marked = base === undefined ? mark : { ...mark, base }
    await setMark(options, copy.ref, marked)
    return { ...copy, name, mark: marked }
  })
}

/** Clones that were about to take over when that ended: one that got as far as running is what the failover is; others go. */
async function settleHalf(options: FailoverOptions, { chain }: TakeOverPlan): Promise<Ready | undefined> {
  for (const { ref, uuid, name, mark, powerState } of await findFailedOver(options, chain)) {
    if (!mark.clone || mark.state !== 'preparing' || mark.sr !== chain.sr) continue
    if (powerState !== 'Halted') return { ref, uuid, name, mark }
    log(options, `removing "${name}", left by a failover that ended early`)
    await removeClone(options, ref, chain.job)
  }
  return undefined
}

async function readyReplica(options: FailoverOptions, prepared: PreparedTakeOver, warnings: Reason[]): Promise<Ready> {
  const { plan, replica, start, view } = prepared
  const { target, signal, id, clock } = options
  const { ref, record } = replica as NonNullable<typeof replica>
  const mark = prepared.mark ?? markOf(options, prepared, record.uuid)
  const ready = { ref, uuid: record.uuid, name: record.name_label }
  // The one before got as far as starting it.
  if (record.power_state !== 'Halted') return { ...ready, mark }
  step(options, 'mark', `noting on "${record.name_label}" that it takes over`)
  await setMark(options, ref, mark)
  return undoing(options, prepared, ref, async () => {
    step(options, 'disks', 'getting its disks ready')
    for (const disk of plan.disks) if (disk.how === 'replaced') await replaceDisk(options, prepared, disk)
    for (const { uuid } of plan.dropDisks) {
      const vdi = findByUuid(view.VDI, uuid)?.[0]
      if (vdi !== undefined) await destroyDisk(target, vdi, signal)
    }
    const vifMark = { kind: 'work', id, job: plan.chain.job, vm: plan.chain.vm, point: plan.point.uuid, at: isoTime(clock.now()) } as const
    await placeVifs(options, view, ref, record, { vifs: plan.vifs, mark: vifMark })
    const base = await takeBase(options, ref, start, warnings)
    const { base: _, ...rest } = mark
    const marked: FailoverMark = base === undefined ? rest : { ...rest, base }
    // From here on it may start by itself, as its source did.
    const config = { ...record.other_config, ...autoPoweron(record), [MARK.failover]: JSON.stringify(marked) }
    await target.call('VM.set_other_config', [ref, config], { signal })
    await target.call('VM.set_tags', [ref, record.tags.filter((tag) => tag !== REPLICA_TAG)], { signal })
    const home = readHomeMark(record.other_config, record.uuid)
    const description = home?.description ?? `Failed over with Understudy, ${plan.kind}, from the restore point of ${plan.point.takenAt}`
    await target.call('VM.set_name_description', [ref, description], { signal })
    if (home !== undefined && home.haPriority !== '') await giveHaPriority(options, ref, home.haPriority, warnings)
    step(options, 'unblock', 'allowing its start')
    await unblock(options, ref)
    return { ...ready, mark: marked }
  })
}

/** Of an original that is back. That its pool's HA can't take it on is no failure of going back. */
async function giveHaPriority({ target, signal }: FailoverOptions, vm: Ref<'VM'>, priority: string, warnings: Reason[]): Promise<void> {
  try {
    await target.call('VM.set_ha_restart_priority', [vm, priority], { signal })
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    const text = `its HA priority is to be "${priority}" as before, but its pool refuses that now (${error.code})`
    warnings.push({ code: 'ha-priority-refused', text, avoid: 'set it again: xe vm-param-set ha-restart-priority' })
  }
}

const autoPoweron = ({ other_config: config }: RecordOf['VM']): Record<string, string> => {
  const value = config[MARK.autoPoweron]
  return value === undefined ? {} : { auto_poweron: value }
}
