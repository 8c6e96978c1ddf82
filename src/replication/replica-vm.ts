/** The replica VM on the target: made protected, kept up to its source's configuration. Its disks are target-disk.ts. */
import { Failure } from '../core/failure.ts'
import { MARK, replicaBlocked } from '../core/marks.ts'
import type { VifPlan } from '../core/networks.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { destroyDisk, destroyVm } from './destroy.ts'
import { assertDiskIsOurs } from './overtaken.ts'
import { disksOf, findByUuid, type PoolView } from './pool-view.ts'
import { newReplica, replicaOtherConfig, settableBiosStrings, updateReplica } from './replica-config.ts'
import type { RunContext } from './session.ts'

type Vm = RecordOf['VM']

export interface ReplicaVm {
  readonly ref: Ref<'VM'>
  readonly uuid: string
  /** Made by this run: to be removed when the run fails, since no restore point needs it. */
  readonly created: boolean
  /** Snapshots of its disks when this run looked. */
  readonly known: readonly Ref<'VDI'>[]
  /** `other_config` that it keeps between runs. */
  readonly config: Readonly<Record<string, string>>
}

export interface SourceCd {
  readonly userdevice: string
  readonly bootable: boolean
}

const BLOCKED = replicaBlocked()

/** Marks of an object of the replica; `self` tells it from clones that inherit them. */
export function ownMarks({ ids }: Pick<RunContext, 'ids'>, self: string): Record<string, string> {
  return { [MARK.replica]: JSON.stringify({ job: ids.job, vm: ids.vm, sr: ids.sr, self }), [MARK.sr]: ids.sr }
}

/** `self` of a replica whose uuid is not known yet: what VM.create makes is recognised by it, should nothing come after. */
export const SELF_TO_COME = ''

/**
 * Makes the replica VM, with interfaces and drives but without disks. It is a template until its start is blocked, so that at
 * no instant anybody can start it (G4). On failure it is removed again.
 */
export async function createReplica(
  context: RunContext,
  source: Vm,
  parts: { readonly vifs: readonly VifPlan[]; readonly cds: readonly SourceCd[]; readonly view: PoolView },
): Promise<ReplicaVm> {
  const { target, signal } = context
  const ref = await target.call<Ref<'VM'>>(
    'VM.create',
    [
      newReplica(
        source,
        source.name_label,
        'Replica being made by Understudy',
        replicaOtherConfig(source, ownMarks(context, SELF_TO_COME)),
      ),
    ],
    { signal },
  )
  try {
    const uuid = await target.call<string>('VM.get_uuid', [ref], { signal })
    const config = replicaOtherConfig(source, ownMarks(context, uuid))
    const biosStrings = settableBiosStrings(source)
    await Promise.all([
      target.call('VM.set_other_config', [ref, config], { signal }),
      target.call('VM.set_blocked_operations', [ref, BLOCKED], { signal }),
      ...(Object.keys(biosStrings).length > 0 ? [target.call('VM.set_bios_strings', [ref, biosStrings], { signal })] : []),
    ])
    await target.call('VM.set_is_a_template', [ref, false], { signal })
    await Promise.all([
      ...parts.vifs.map((vif) => createVif(context, parts.view, ref, vif)),
      ...parts.cds.map((cd) => createEmptyDrive(context, ref, cd)),
    ])
    return { ref, uuid, created: true, known: [], config }
  } catch (error) {
    await target.call('VM.destroy', [ref]).catch(() => undefined)
    throw error
  }
}

async function createVif({ target, signal }: RunContext, view: PoolView, vm: Ref<'VM'>, vif: VifPlan): Promise<void> {
  if (vif.targetNetwork === null) return
  const network = findByUuid(view.network, vif.targetNetwork)?.[0]
  if (network === undefined) {
    throw new Failure('NETWORK_NOT_FOUND', `the target pool has no network ${vif.targetNetwork}`)
  }
  const record = {
    device: vif.device,
    network,
    VM: vm,
    MAC: vif.mac,
    MTU: vif.mtu,
    other_config: {},
    qos_algorithm_type: '',
    qos_algorithm_params: {},
  }
  await target.call('VIF.create', [record], { signal })
}

async function createEmptyDrive({ target, signal }: RunContext, vm: Ref<'VM'>, cd: SourceCd): Promise<void> {
  const record = {
    VM: vm,
    VDI: 'OpaqueRef:NULL',
    userdevice: cd.userdevice,
    bootable: cd.bootable,
    mode: 'RO',
    type: 'CD',
    empty: true,
    unpluggable: true,
    other_config: {},
    qos_algorithm_type: '',
    qos_algorithm_params: {},
  }
  await target.call('VBD.create', [record], { signal })
}

/** Brings an existing replica up to its source: protection first, then configuration, interfaces and drives; nothing is called for what is right. */
export async function refreshReplica(
  context: RunContext,
  source: Vm,
  replica: { readonly ref: Ref<'VM'>; readonly record: Vm },
  parts: { readonly vifs: readonly VifPlan[]; readonly cds: readonly SourceCd[]; readonly view: PoolView },
): Promise<ReplicaVm> {
  const { target, signal } = context
  const { ref, record } = replica
  const missing = Object.entries(BLOCKED).some(([operation]) => !(operation in record.blocked_operations))
  if (missing) await target.call('VM.set_blocked_operations', [ref, { ...record.blocked_operations, ...BLOCKED }], { signal })
  if (record.is_a_template) await finishMaking(context, source, replica)
  // Marks of a restore point that a killed run left on the replica would be inherited by a snapshot that a user takes of it.
  const config = { ...replicaOtherConfig(source, ownMarks(context, record.uuid)), ...homeOf(record) }
  if (MARK.restorePoint in record.other_config || MARK.job in record.other_config) {
    await target.call('VM.set_other_config', [ref, config], { signal })
  }
  for (const { method, params } of updateReplica(source, record)) await target.call(method, [ref, ...params], { signal })
  await refreshVifs(context, parts.view, ref, record, parts.vifs)
  await refreshDrives(context, parts.view, ref, record, parts.cds)
  const { uuid } = record
  return {
    ref,
    uuid,
    created: false,
    known: disksOf(parts.view, record).flatMap((disk) => disk.record.snapshots),
    config,
  }
}

/** An original that is the replica for now keeps what it is to get back. */
export const homeOf = ({ other_config: config }: Vm): Record<string, string> => {
  const home = config[MARK.home]
  return home === undefined ? {} : { [MARK.home]: home }
}

/** A run was killed while it made the replica: what comes between its creation and its interfaces is done now. Its start is blocked. */
async function finishMaking({ ids, target, signal, log }: RunContext, source: Vm, { ref, record }: { ref: Ref<'VM'>; record: Vm }) {
  log(`the replica ${record.uuid} was only half made: it is completed`)
  const config = replicaOtherConfig(source, ownMarks({ ids }, record.uuid))
  await target.call('VM.set_other_config', [ref, config], { signal })
  const biosStrings = settableBiosStrings(source)
  // They can be set once only.
  const unset = Object.keys(record.bios_strings).length === 0
  if (unset && Object.keys(biosStrings).length > 0) await target.call('VM.set_bios_strings', [ref, biosStrings], { signal })
  await target.call('VM.set_is_a_template', [ref, false], { signal })
}

async function refreshVifs(context: RunContext, view: PoolView, vm: Ref<'VM'>, record: Vm, wanted: readonly VifPlan[]): Promise<void> {
  const { target, signal } = context
  const have = record.VIFs.flatMap((ref) => {
    const vif = view.VIF.get(ref)
    return vif === undefined ? [] : [{ ref, vif, network: view.network.get(vif.network)?.uuid }]
  })
  const right = (vif: VifPlan) =>
    have.find(
      (found) =>
        found.vif.device === vif.device && found.vif.MAC.toLowerCase() === vif.mac.toLowerCase() && found.network === vif.targetNetwork,
    )
  const kept = new Set(wanted.map(right))
  for (const found of have) if (!kept.has(found)) await target.call('VIF.destroy', [found.ref], { signal })
  for (const vif of wanted) if (right(vif) === undefined) await createVif(context, view, vm, vif)
}

async function refreshDrives(context: RunContext, view: PoolView, vm: Ref<'VM'>, record: Vm, wanted: readonly SourceCd[]): Promise<void> {
  const places = new Set(wanted.map(({ userdevice }) => userdevice))
  const taken = new Set<string | undefined>()
  for (const ref of record.VBDs) {
    const vbd = view.VBD.get(ref)
    // A disk may come to where the source has no drive any more.
    if (vbd?.type === 'CD' && !places.has(vbd.userdevice)) await context.target.call('VBD.destroy', [ref], { signal: context.signal })
    else taken.add(vbd?.userdevice)
  }
  for (const cd of wanted) if (!taken.has(cd.userdevice)) await createEmptyDrive(context, vm, cd)
}

/** Removes a replica that this run made and that never had a restore point, with the disks that are its own. */
export async function removeReplica(context: RunContext, replica: ReplicaVm, disks: readonly Ref<'VDI'>[]): Promise<void> {
  const { target, log } = context
  // The run's own signal may be what ended it.
  const signal = AbortSignal.timeout(120_000)
  try {
    await Promise.all(disks.map((disk) => assertDiskIsOurs({ ...context, signal }, disk)))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return log(`the unfinished replica ${replica.uuid} is another run's by now and stays`)
  }
  log(`removing the unfinished replica ${replica.uuid}`)
  await Promise.all(disks.map((disk) => destroyDisk(target, disk, signal)))
  await destroyVm(target, replica.ref, signal)
}
