/**
 * Lets a replica, or a clone of a restore point, take over. What it is about to be is written on the VM before anything else is changed,
 * so that runs keep off and whoever comes after a crash finds how far it got: the same call again goes on, undo.ts takes it back.
 */
import type { Reason } from '../../core/base.ts'
import { asCode } from '../../core/errors/registry.ts'
import type { MacChoice, NetworkChoice } from '../../core/failover/copy-networks.ts'
import { planCopyNetworks } from '../../core/failover/copy-networks.ts'
import { type FailoverMark, readFailoverMark } from '../../core/failover/marks.ts'
import type { Evidence } from '../../core/failover/readiness.ts'
import { planTakeOver, type TakeOverPlan } from '../../core/failover/take-over.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, REPLICA_TAG, RUNNING_OPERATIONS, START_BLOCKED, withoutMarks } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { destroyDisk } from '../destroy.ts'
import { explainError } from '../explain.ts'
import { inspectTarget } from '../inspect-target.ts'
import { findByUuid, type PoolView, viewPool } from '../pool-view.ts'
import { askByTracking, askStarted } from '../prepare-run.ts'
import type { WantedPoint } from '../proof/find-point.ts'
import { ownMarks } from '../replica-vm.ts'
import { attach, cloneMarked, track } from '../target-disk.ts'
import { takeBase } from './base-snapshot.ts'
import { copyVm, disksOfVm, placeVifs, removeCopy } from './copy-vm.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, isoTime, log, step } from './options.ts'
import { type StartingPoint, startingPoint } from './point.ts'
import { type Readiness, watchUntilReady } from './readiness.ts'
import { startVm } from './start-vm.ts'
import { giveBack } from './undo.ts'

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
    now: clock.now(),
  })
  if (decision.kind === 'refused') {
    const { code, text, hint } = decision.refusal
    throw new Failure(asCode(code), text, hint)
  }
  return { plan: decision.plan, start, view, replica, mark }
}

/** In place the interfaces of the replica as it is, with its MACs; of a clone those of the restore point. */
function vifsOf(
  { clone, networks, mapping, macs }: TakeOverWishes,
  start: StartingPoint,
  view: PoolView,
  replica: RecordOf['VM'] | undefined,
) {
  const own = (replica?.VIFs ?? []).flatMap((ref) => {
    const vif = view.VIF.get(ref)
    return vif === undefined ? [] : [{ device: vif.device, mac: vif.MAC, network: view.network.get(vif.network)?.uuid ?? '' }]
  })
  const planned = planCopyNetworks(clone ? start.vifs : own, start.networks, networks, mapping, macs)
  if (planned.kind === 'plan') return planned.vifs
  throw new Failure('NETWORK_NOT_FOUND', `the pool has no network ${planned.network}`, 'look it up with xe network-list')
}

/**
 * Acts. `agreed`: the plan that somebody was shown; Failure PLAN_CHANGED when by now something else would be lost. A VM that can't be
 * started is given back to the chain.
 */
export async function takeOver(options: FailoverOptions, wishes: TakeOverWishes, agreed: TakeOverPlan): Promise<TakeOverReport> {
  const begun = options.clock.now()
  if (wishes.clone) return finish(options, wishes, await prepareAgain(options, wishes, agreed), begun)
  return holding(options, agreed.chain, 'chain', async (held) => finish(held, wishes, await prepareAgain(held, wishes, agreed), begun))
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

async function setMark({ target, signal }: FailoverOptions, vm: Ref<'VM'>, mark: FailoverMark): Promise<void> {
  const config = await target.call<Record<string, string>>('VM.get_other_config', [vm], { signal })
  await target.call('VM.set_other_config', [vm, { ...config, [MARK.failover]: JSON.stringify(mark) }], { signal })
}

/** Runs `work`; when it fails, what is not started yet is given back to the chain, or removed if it is a clone. */
async function undoing<T>(options: FailoverOptions, { plan }: PreparedTakeOver, vm: Ref<'VM'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // The signal may be what ended it.
    const late = { ...options, signal: AbortSignal.timeout(180_000) }
    await takeBack(late, plan.clone, vm).catch((failure: Error) =>
      log(
        options,
        `could not take it back now: the same command goes on from here, understudy failover undo takes it back (${failure.message})`,
      ),
    )
    options.signal.throwIfAborted()
    throw error instanceof Failure ? error : explainError(error)
  }
}

async function takeBack(options: FailoverOptions, clone: boolean, vm: Ref<'VM'>): Promise<void> {
  // An answer may be all that was lost.
  if ((await options.target.call<string>('VM.get_power_state', [vm], { signal: options.signal })) !== 'Halted') return
  if (clone) await removeCopy(options.target, vm, options.signal)
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
    const description = `Failed over with Understudy, ${plan.kind}, from the restore point of ${plan.point.takenAt}`
    await target.call('VM.set_name_description', [ref, description], { signal })
    step(options, 'unblock', 'allowing its start')
    await unblock(options, ref)
    return { ...ready, mark: marked }
  })
}

const autoPoweron = ({ other_config: config }: RecordOf['VM']): Record<string, string> => {
  const value = config[MARK.autoPoweron]
  return value === undefined ? {} : { auto_poweron: value }
}

/** What was blocked by us, and by the original's replication, for a replica; what somebody else blocked stays. */
async function unblock({ target, signal }: FailoverOptions, vm: Ref<'VM'>): Promise<void> {
  const blocked = await target.call<Record<string, string>>('VM.get_blocked_operations', [vm], { signal })
  for (const operation of RUNNING_OPERATIONS) {
    const why = blocked[operation]
    if (why === undefined) continue
    if (why !== START_BLOCKED && !ORIGINALS.test(why)) {
      // It is halted: nobody needs to resume it.
      if (operation.startsWith('resume')) continue
      throw new Failure(
        'START_BLOCKED',
        `its start is blocked by somebody else: "${why}"`,
        'take that away when it may start (xe vm-param-remove)',
      )
    }
    await target.call('VM.remove_from_blocked_operations', [vm, operation], { signal })
  }
}

/** The original's words (behaviour of its writers), and what our own manual tells users to write. */
const ORIGINALS = /^(Start operation for this vm is blocked|replica$)/

/** A clone of the restore point's disk in the place of the replica's. The old one goes last. */
async function replaceDisk(
  options: FailoverOptions,
  { start, view, replica, plan }: PreparedTakeOver,
  disk: TakeOverPlan['disks'][number],
): Promise<void> {
  const { target, signal, id } = options
  const [of, record] = findByUuid(view.VDI, disk.of) as [Ref<'VDI'>, RecordOf['VDI']]
  const vm = replica?.ref as Ref<'VM'>
  const ids = { run: id, ...plan.chain, schedule: plan.chain.job }
  const now = (await disksOfVm(target, await target.record('VM', vm, { signal }), signal)).find(
    ({ userdevice }) => userdevice === disk.userdevice,
  )
  const place = (await target.record('VM', start.ref, { signal })).VBDs.map((vbd) => view.VBD.get(vbd)).find((vbd) => vbd?.VDI === of)
  const made = await cloneMarked({ target, ids, signal }, of, record)
  try {
    const uuid = await target.call<string>('VDI.get_uuid', [made], { signal })
    const { content_id: _, ...config } = withoutMarks(record.other_config)
    const follows = record.other_config[MARK.disk]
    const marks = { ...ownMarks({ ids }, uuid), ...(follows === undefined ? {} : { [MARK.disk]: follows }) }
    await target.call('VDI.set_other_config', [made, { ...config, ...marks }], { signal })
    await track({ target, signal, log: (message) => log(options, message) }, made)
    if (now !== undefined) {
      const old = await target.record('VDI', now.vdi, { signal })
      for (const vbd of old.VBDs) {
        const { VM } = await target.record('VBD', vbd, { signal })
        if (VM === vm) await target.call('VBD.destroy', [vbd], { signal })
      }
    }
    await attach({ target, signal }, vm, made, {
      userdevice: disk.userdevice,
      bootable: place?.bootable ?? false,
      mode: place?.mode ?? 'RW',
    })
    if (now !== undefined) await destroyDisk(target, now.vdi, signal)
  } catch (error) {
    await destroyDisk(target, made, AbortSignal.timeout(120_000)).catch(() => undefined)
    throw error
  }
}

/**
 * Notes that a replica which somebody started by other means is the failover. What it wrote since its restore point is told by change
 * tracking when it goes back.
 */
export async function takeOverAsItRuns(options: FailoverOptions, wanted: WantedPoint): Promise<FailoverMark> {
  const { target, signal } = options
  const chain = (await startingPoint(await viewPool(target, signal), wanted)).chain
  return holding(options, chain, 'chain', async (held) => {
    const view = await viewPool(target, signal)
    const start = await startingPoint(view, wanted)
    const { replica } = await inspectTarget(view, chain, false, askByTracking(held), askStarted(held))
    if (replica === undefined) throw new Failure('REPLICA_NOT_FOUND', `there is no replica of VM ${chain.vm} there`)
    const { ref, record } = replica
    const known = readFailoverMark(record.other_config, record.uuid)
    if (known !== undefined && known.state !== 'preparing')
      throw new Failure('ALREADY_FAILED_OVER', `"${record.name_label}" failed over already (${known.kind}, ${known.at})`)
    if (record.power_state === 'Halted') {
      throw new Failure('REPLICA_NOT_RUNNING', `"${record.name_label}" does not run`, 'leave out --as-it-runs: then it is started')
    }
    const mark: FailoverMark = {
      self: record.uuid,
      id: held.id,
      ...chain,
      kind: 'unplanned',
      clone: false,
      state: 'active',
      at: isoTime(held.clock.now()),
      point: start.point.uuid,
      takenAt: isoTime(start.point.takenAt),
    }
    await setMark(held, ref, mark)
    const tags = record.tags.filter((tag) => tag !== REPLICA_TAG)
    await target.call('VM.set_tags', [ref, tags], { signal })
    await unblock(held, ref).catch((error: unknown) => {
      if (!(error instanceof Failure || error instanceof XapiError)) throw error
      log(options, `it can't be started again once it is down: ${error.message}`)
    })
    return mark
  })
}
