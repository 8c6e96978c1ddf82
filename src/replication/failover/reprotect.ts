/**
 * Turns protection round: the VM that failed over is the source from now on. The original becomes its replica where it is proven to hold
 * what both sides had; its state then is the first restore point of the way back, and the engine goes on from it by deltas as from any
 * other. Where it is not, a new VM is made of clones of its disks, and what was written on either side is sent onto them.
 */
import type { CommonBase } from '../../core/base.ts'
import { type FailoverMark, HANDED_OVER, type HomeMark, originName, readFailoverMark, readHomeMark } from '../../core/failover/marks.ts'
import type { ReprotectPlan } from '../../core/failover/reprotect.ts'
import { Failure } from '../../core/failure.ts'
import { formatDatetime, MARK, parseDatetime, readMarks, readRestorePointMark, replicaBlocked } from '../../core/marks.ts'
import type { RunReport } from '../../core/report.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { commitRestorePoint } from '../commit.ts'
import { findByUuid } from '../pool-view.ts'
import { replicaOtherConfig } from '../replica-config.ts'
import { homeOf, ownMarks } from '../replica-vm.ts'
import { executeRun, prepareRun, type RunOptions } from '../run.ts'
import { withChain } from '../with-chain.ts'
import { removeSnapshot } from './base-snapshot.ts'
import { disksOfVm } from './copy-vm.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, log, step } from './options.ts'
import { changesOf, type FoundDisk, type PreparedReprotect, prepareReprotect } from './turned-round.ts'
import { type FailedOver, findFailedOver, giveBack } from './undo.ts'

/** How the runs of the way back go. */
export type RunSettings = Pick<
  RunOptions,
  'retention' | 'verify' | 'budget' | 'allowInsecureNbd' | 'disksAtOnce' | 'excludeDisks' | 'beforeWrite' | 'leastSegment'
> & {
  readonly networks?: RunOptions['networks']
  readonly onRunEvent?: RunOptions['onEvent']
}

export interface ReprotectReport {
  readonly kind: 'reprotect'
  readonly plan: ReprotectPlan
  /** The first run of the way back. */
  readonly run: RunReport
  /** Network of the VM that failed over → the original's, as far as its interfaces tell: what the next runs have to be given as well. */
  readonly networks: ReadonlyMap<string, string | null>
}

/** Acts. Looks at both pools again once it holds the chains of both directions. */
export async function reprotect(
  options: FailoverOptions,
  original: Xapi,
  failed: FailedOver,
  settings: RunSettings,
  sr?: string,
): Promise<ReprotectReport> {
  return holding(options, failed.mark, 'chain', async (held) => {
    const first = await prepareReprotect(held, original, failed, sr)
    return withChain(runOptions(held, original, first, settings), async (both) => {
      const inner = { ...held, signal: both.signal }
      await assertNotHome({ ...inner, target: original }, failed)
      const prepared = await prepareReprotect(inner, original, failed, sr)
      return turn(inner, original, prepared, { ...both, networks: settings.networks ?? networksBack(prepared) })
    })
  })
}

/** A VM on the other side that was about to take over when that ended is a replica again; Failure ALREADY_FAILED_OVER when it has. */
async function assertNotHome(there: FailoverOptions, { uuid, name, mark: { job, state } }: FailedOver): Promise<void> {
  for (const back of await findFailedOver(there, { vm: uuid, job })) {
    // Turned round again, and down: it is about to be the replica. Of an earlier turn: its mark means nothing any more.
    const older = back.mark.state === 'turned' && (state !== 'turned' || back.powerState === 'Halted')
    if (back.mark.clone || older) continue
    if (back.mark.state === 'preparing' && back.powerState === 'Halted') {
      await giveBack(there, back.ref)
      continue
    }
    throw new Failure(
      'ALREADY_FAILED_OVER',
      `"${name}" has gone back already: "${back.name}" (${back.uuid}) took over from it`,
      'understudy failback does what is left to do',
    )
  }
}

function runOptions(
  { target, signal, id, lockTiming }: FailoverOptions,
  original: Xapi,
  { plan }: PreparedReprotect,
  settings: RunSettings,
): RunOptions {
  const { onRunEvent, networks, ...rest } = settings
  return {
    ...rest,
    source: target,
    target: original,
    ids: { run: id, schedule: plan.chain.job, ...plan.chain },
    networks: networks ?? new Map(),
    signal,
    ...(onRunEvent === undefined ? {} : { onEvent: onRunEvent }),
    ...(lockTiming === undefined ? {} : { lockTiming }),
  }
}

/** Interfaces go back to where the original has them: the same MAC, else the same device. */
function networksBack({ record, original, views }: PreparedReprotect): RunOptions['networks'] {
  const map = new Map<string, string | null>()
  const theirs = (original?.record.VIFs ?? []).flatMap((ref) => views.there.VIF.get(ref) ?? [])
  for (const ref of record.VIFs) {
    const vif = views.here.VIF.get(ref)
    const from = vif && views.here.network.get(vif.network)?.uuid
    const same =
      vif && (theirs.find(({ MAC }) => MAC.toLowerCase() === vif.MAC.toLowerCase()) ?? theirs.find(({ device }) => device === vif.device))
    const to = same && views.there.network.get(same.network)?.uuid
    if (from !== undefined && to !== undefined && !map.has(from)) map.set(from, to)
  }
  return map
}

async function turn(options: FailoverOptions, original: Xapi, prepared: PreparedReprotect, run: RunOptions): Promise<ReprotectReport> {
  const { plan } = prepared
  const { networks } = run
  if (prepared.turned) {
    const report = await runBack(run)
    await markTurned(options, prepared.failed)
    return { kind: 'reprotect', plan, networks, run: report }
  }
  await tagBase(options, prepared)
  if (plan.kind === 'in-place') {
    // First: once the original is a replica there is no undoing, only going on.
    await markTurned(options, prepared.failed)
    await adoptOriginal(options, original, prepared, run)
    return { kind: 'reprotect', plan, networks, run: await runBack(run) }
  }
  if (plan.kind === 'beside' && plan.original?.powerState === 'Halted') await blockOriginal(options, original, prepared)
  const report = plan.kind === 'new' ? await runBack(run) : await runBeside(options, original, prepared, run)
  await markTurned(options, prepared.failed)
  return { kind: 'reprotect', plan, networks, run: report }
}

const runBack = async (run: RunOptions): Promise<RunReport> => executeRun(run, await prepareRun(run), new Date())

/** The snapshot that it had when it took over becomes what runs of ours leave on a source: the engine finds, uses and removes it as such. */
async function tagBase({ target, signal, id }: FailoverOptions, { plan, failed, views, disks }: PreparedReprotect): Promise<void> {
  const base = failed.mark.base === undefined ? undefined : findByUuid(views.here.VM, failed.mark.base)
  if (base === undefined) return
  const [ref, record] = base
  const marks = {
    [MARK.job]: plan.chain.job,
    [MARK.schedule]: plan.chain.job,
    [MARK.vm]: plan.chain.vm,
    [MARK.datetime]: formatDatetime(parseDatetime(record.snapshot_time) ?? 0),
    [MARK.nonNbdFix]: 'true',
    [MARK.run]: JSON.stringify({ run: id, sr: plan.chain.sr }),
    [MARK.exported]: 'true',
    [MARK.chainLength]: '0',
  }
  await Promise.all([
    ...disks.flatMap(({ ownBase, common }) =>
      ownBase && common !== undefined
        ? [
            target.call(
              'VDI.set_other_config',
              [common.ref, { ...common.record.other_config, ...marks, [MARK.contentKey]: common.record.uuid }],
              { signal },
            ),
          ]
        : [],
    ),
    target.call('VM.set_other_config', [ref, { ...record.other_config, ...marks }], { signal }),
  ])
}

/** Its start is blocked before it is looked at for the last time, so that what is proven stays so. */
async function adoptOriginal(options: FailoverOptions, original: Xapi, prepared: PreparedReprotect, run: RunOptions): Promise<void> {
  const { signal } = options
  const { plan, failed, views, disks } = prepared
  const { ref, record } = prepared.original as NonNullable<PreparedReprotect['original']>
  step(options, 'adopt', `making "${record.name_label}" the replica`)
  await original.call('VM.set_blocked_operations', [ref, { ...record.blocked_operations, ...replicaBlocked() }], {
    signal,
  })
  await assertUnchanged(options, original, prepared)
  const base = findByUuid(views.here.VM, failed.mark.base as string)?.[1]
  const ids = { run: run.ids.run, schedule: plan.chain.job, ...plan.chain }
  const context = {
    ids,
    source: options.target,
    target: original,
    signal,
    budget: run.budget,
    stillHeld: run.stillHeld,
    log: (text: string) => log(options, text),
  }
  const uuid = record.uuid
  const takenAt = parseDatetime(base?.snapshot_time) ?? 0
  const generations = [...views.there.VM.values()].map(({ other_config: config }) => readRestorePointMark(config)?.generation ?? 0)
  await commitRestorePoint(context, {
    replica: {
      ref,
      uuid,
      created: false,
      known: [],
      config: { ...replicaOtherConfig(record, ownMarks(context, uuid)), ...homeOf(home(record)) },
    },
    name: record.name_label,
    takenAt,
    generation: Math.max(0, ...generations) + 1,
    copyOf: base?.uuid as string,
    disks: disks.map(({ userdevice, disk, base: copyOf, there }) => {
      const { ref: vdi, record: vdiRecord } = there as NonNullable<FoundDisk['there']>
      const config = { ...replicaDiskConfig(vdiRecord.other_config), ...ownMarks(context, vdiRecord.uuid), [MARK.disk]: disk }
      const writing = { run: ids.run, from: null, to: copyOf as string }
      return {
        userdevice,
        copyOf: copyOf as string,
        disk: { ref: vdi, uuid: vdiRecord.uuid, config, blank: false, tracked: true, created: false, writing },
      }
    }),
    description: `Replica of "${failed.name}" (${failed.uuid}) kept by Understudy, since that took over from this VM`,
  })
}

/** With what it gets back when it takes over again; an attempt before this one may have noted it. */
function home(record: RecordOf['VM']): RecordOf['VM'] {
  const { uuid, other_config: config, ha_restart_priority: haPriority, name_description: description } = record
  const mark: HomeMark = readHomeMark(config, uuid) ?? { self: uuid, haPriority, description }
  return { ...record, other_config: { ...config, [MARK.home]: JSON.stringify(mark) } }
}

const replicaDiskConfig = (config: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith('understudy:') && !key.startsWith('xo:')))

/** Failure ORIGINAL_CHANGED. */
async function assertUnchanged(options: FailoverOptions, original: Xapi, { disks, original: vm }: PreparedReprotect): Promise<void> {
  const state = await original.call<string>('VM.get_power_state', [vm?.ref], { signal: options.signal })
  for (const { since, there, userdevice } of disks) {
    const changes = state === 'Halted' && since && there ? await changesOf(options, original, since.ref, there) : undefined
    if (changes?.length !== 0) throw new Failure('ORIGINAL_CHANGED', `disk ${userdevice} of the original was written to in this moment`)
  }
}

async function blockOriginal({ signal }: FailoverOptions, original: Xapi, { original: vm, failed }: PreparedReprotect): Promise<void> {
  const { ref, record } = vm as NonNullable<PreparedReprotect['original']>
  const why = `${HANDED_OVER} to "${failed.name}" (${failed.uuid}): two of them must not run`
  const blocked = { ...replicaBlocked(why), ...record.blocked_operations }
  await original.call('VM.set_blocked_operations', [ref, blocked], { signal })
}

/**
 * The original is snapshotted, so that what it differs in can't change any more, whatever state it is in; clones of the snapshot's disks
 * receive what was written on either side.
 */
async function runBeside(options: FailoverOptions, original: Xapi, prepared: PreparedReprotect, run: RunOptions): Promise<RunReport> {
  const { signal, id } = options
  const { ref, record } = prepared.original as NonNullable<PreparedReprotect['original']>
  const { job } = prepared.plan.chain
  for (const old of record.snapshots) {
    if (prepared.views.there.VM.get(old)?.name_label.startsWith(originName(job, ''))) await removeSnapshot(original, old, signal)
  }
  step(options, 'origin', `taking a snapshot of "${record.name_label}", whose disks the new VM begins with`)
  const snapshot = (await original.callAsync('VM.snapshot', [ref, originName(job, id)], { signal })) as Ref<'VM'>
  try {
    const taken = await disksOfVm(original, await original.record('VM', snapshot, { signal }), signal)
    const common = new Map<string, CommonBase>()
    for (const disk of prepared.disks) {
      const at =
        taken.find(({ record: each }) => each.snapshot_of === disk.there?.ref) ??
        taken.find(({ userdevice }) => userdevice === disk.userdevice)
      if (at === undefined) continue
      const differing =
        disk.since && disk.there && disk.common
          ? await changesOf(options, original, disk.since.ref, { ref: at.vdi, record: at.record })
          : undefined
      common.set(disk.disk, {
        base: baseOf(disk),
        of: at.record.uuid,
        size: at.record.virtual_size,
        differing: disk.common === undefined ? undefined : differing,
      })
    }
    return await runBack({ ...run, common })
  } finally {
    const late = AbortSignal.timeout(180_000)
    await removeSnapshot(original, snapshot, late).catch((error: Error) =>
      log(options, `a snapshot of the original is left, the next attempt removes it: ${error.message}`),
    )
  }
}

function baseOf({ common, live }: FoundDisk): CommonBase['base'] {
  const { record } = common ?? live
  return {
    uuid: record.uuid,
    snapshotVm: undefined,
    kind: record.type === 'cbt_metadata' ? 'cbt-metadata' : 'data',
    takenAt: parseDatetime(record.snapshot_time) ?? 0,
    size: record.virtual_size,
    cbt: record.cbt_enabled,
    marks: readMarks(record.other_config),
  }
}

async function markTurned({ target, signal }: FailoverOptions, { ref, uuid }: FailedOver): Promise<void> {
  const config = await target.call<Record<string, string>>('VM.get_other_config', [ref], { signal })
  const mark = readFailoverMark(config, uuid)
  if (mark === undefined) return
  const turned: FailoverMark = { ...mark, state: 'turned' }
  await target.call('VM.set_other_config', [ref, { ...config, [MARK.failover]: JSON.stringify(turned) }], { signal })
}
