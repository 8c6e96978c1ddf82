/** The snapshot that a run reads: taken, tagged, confirmed after success, reduced to its record of changes, or taken back. */

import type { Reason } from '../core/base.ts'
import { Failure } from '../core/failure.ts'
import { formatDatetime, formatNameDate, MARK, parseDatetime, runMark, type SnapshottingMark, withoutMarks } from '../core/marks.ts'
import { type CpuFlags, memoryNotPossible } from '../core/memory.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import { isNull, type Ref } from '../xapi/ref.ts'
import { destroyVm, destroyWithDisks, haltCheckpoint, isGone, REMOVAL_TIMEOUT_MS, whenDetached } from './destroy.ts'
import { isInterruption } from './explain.ts'
import { unfinishedName } from './inspect-source.ts'
import type { RunContext } from './session.ts'

export interface SnapshotDisk {
  readonly userdevice: string
  readonly ref: Ref<'VDI'>
  readonly uuid: string
  /** The live disk it is a snapshot of. */
  readonly of: Ref<'VDI'>
  readonly size: number
  readonly cbt: boolean
  /** See ReadableDisk. */
  readonly imageFormat?: string | undefined
  /** `other_config` as inherited, without marks. */
  readonly config: Readonly<Record<string, string>>
}

export interface SourceSnapshot {
  readonly ref: Ref<'VM'>
  readonly record: RecordOf['VM']
  readonly takenAt: number
  readonly disks: readonly SnapshotDisk[]
  /** Of a checkpoint. */
  readonly memory?: SnapshotMemory
}

/** The suspend image of a checkpoint, and what a resumption needs beside it. */
export interface SnapshotMemory {
  readonly ref: Ref<'VDI'>
  readonly uuid: string
  readonly size: number
  /** See ReadableDisk. */
  readonly imageFormat?: string | undefined
  /** `last_booted_record`: what the toolstack kept of the domain (create_metadata in ocaml/xapi/xapi_xenops.ml). */
  readonly domain: string
  /** `last_boot_CPU_flags`: what the guest was booted on. */
  readonly cpu: CpuFlags
}

/** Why a disk's changes can't be tracked: SR without the feature, a raw image, a licence. The disk is replicated all the same. */
export interface CbtRefusal {
  readonly vdi: Ref<'VDI'>
  readonly code: string
}

/** Turns change tracking on where it is off, so that the snapshot can be the base of a cheap delta. */
export async function enableTracking(
  { source, signal, log }: Pick<RunContext, 'source' | 'signal' | 'log'>,
  disks: readonly { readonly ref: Ref<'VDI'>; readonly record: RecordOf['VDI'] }[],
): Promise<CbtRefusal[]> {
  const refused = await Promise.all(
    disks
      .filter(({ record }) => !record.cbt_enabled)
      .map(async ({ ref }) => {
        try {
          await source.callAsync('VDI.enable_cbt', [ref], { signal })
          return []
        } catch (error) {
          if (!(error instanceof XapiError)) throw error
          log(`change tracking could not be turned on for ${ref}: ${error.code}`)
          return [{ vdi: ref, code: error.code }]
        }
      }),
  )
  return refused.flat()
}

/** What a user can do about a snapshot that the source's storage refuses: on the target the same codes mean something else. */
function snapshotFailure(error: unknown): unknown {
  if (!(error instanceof XapiError)) return error
  if (error.code === 'SR_OPERATION_NOT_SUPPORTED') {
    const hint = 'exclude the disk with [NOBAK] in its name, or move it to a storage repository with snapshots'
    return new Failure('DISK_NOT_SNAPSHOTTABLE', 'the storage of a disk of the source VM takes no snapshots', hint, error)
  }
  if (error.code === 'SR_BACKEND_FAILURE_44' || error.code === 'SR_FULL') {
    const hint = 'free space there: on thick storage (LVM) a snapshot needs room for the whole disk'
    return new Failure('SOURCE_SR_FULL', 'the storage of the source VM has no room for a snapshot', hint, error)
  }
  return error
}

/**
 * Takes a checkpoint where the pool allows it: the VM is suspended, snapshotted with its memory, and goes on. Otherwise the reason, as a
 * warning, and nothing has changed. What XAPI refuses one for: VM_LACKS_FEATURE without guest tools, VM_NON_SUSPENDABLE, VM_IS_IMMOBILE,
 * VM_HAS_PCI_ATTACHED and the like (check_operation_error in ocaml/xapi/xapi_vm_lifecycle.ml), LICENCE_RESTRICTION (Features.Checkpoint
 * in ocaml/xapi/xapi_vm.ml), VM_NO_SUSPEND_SR, SR_SUSPEND_SPACE_INSUFFICIENT (suspend in ocaml/xapi/xapi_xenops.ml),
 * VM_CHECKPOINT_SUSPEND_FAILED and VM_CHECKPOINT_RESUME_FAILED (ocaml/idl/datamodel_errors.ml), and what suspending itself fails with.
 */
export async function takeCheckpoint(
  context: RunContext,
  vm: Ref<'VM'>,
  srs: readonly string[],
): Promise<SourceSnapshot | { readonly kind: 'not-possible'; readonly warnings: readonly Reason[] }> {
  const { source, ids, signal } = context
  const running = (await source.call<string>('VM.get_power_state', [vm], { signal })) === 'Running'
  // A map set whole would take away what somebody else adds in this moment.
  if (running) await source.call('VM.add_to_other_config', [vm, MARK.checkpoint, ids.run], { signal })
  let ref: Ref<'VM'>
  try {
    ref = (await source.callAsync('VM.checkpoint', [vm, unfinishedName(ids, srs)], { signal })) as Ref<'VM'>
  } catch (error) {
    if (!(error instanceof XapiError) || isInterruption(error)) throw error
    const refused = memoryNotPossible(
      `the pool refused a checkpoint (${[error.code, ...error.params.slice(1)].join(', ')})`,
      AVOID[error.code],
    )
    return { kind: 'not-possible', warnings: [refused, ...(running ? await goOn(context, vm) : [])] }
  }
  if (running) await source.call('VM.remove_from_other_config', [vm, MARK.checkpoint], { signal })
  return readMade(context, ref)
}

const AVOID: Readonly<Record<string, string>> = {
  VM_LACKS_FEATURE: 'install guest tools in the VM',
  VM_NO_SUSPEND_SR: "set a storage repository for the VM's memory (suspend-SR-uuid, or the pool's suspend-image-SR)",
  SR_SUSPEND_SPACE_INSUFFICIENT: 'free space on the storage repository for suspend images: about a third more than the memory of the VM',
}

/**
 * A checkpoint that failed half-way, or whose toolstack died, can leave the VM suspended: it was running, and is to run. Said in any case.
 * For a VM that has MARK.checkpoint.
 */
export async function goOn({ source, signal }: Pick<RunContext, 'source' | 'signal'>, vm: Ref<'VM'>): Promise<readonly Reason[]> {
  const resumed =
    (await source.call<string>('VM.get_power_state', [vm], { signal })) === 'Suspended' ? await resume({ source, signal }, vm) : []
  await source.call('VM.remove_from_other_config', [vm, MARK.checkpoint], { signal })
  return resumed
}

async function resume({ source, signal }: Pick<RunContext, 'source' | 'signal'>, vm: Ref<'VM'>): Promise<readonly Reason[]> {
  try {
    await source.callAsync('VM.resume', [vm, false, false], { signal })
    return [{ code: 'source-was-suspended', text: 'the checkpoint failed with the VM suspended: it was resumed' }]
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    const text = `the checkpoint failed with the VM suspended, and it could not be resumed (${error.code})`
    return [{ code: 'source-was-suspended', text, avoid: 'resume it: xe vm-resume' }]
  }
}

/**
 * Takes the snapshot. Its name says whose it is, the chains of which target SRs; tags come when it was carried over. On failure nothing of it is left behind (as
 * far as the pool still answers).
 */
export async function takeSnapshot(
  context: RunContext,
  vm: Ref<'VM'>,
  srs: readonly string[],
  ignore: readonly Ref<'VDI'>[],
): Promise<SourceSnapshot> {
  const { source, ids, signal } = context
  const params = [vm, unfinishedName(ids, srs), ...(ignore.length > 0 ? [ignore] : [])]
  let ref: Ref<'VM'>
  try {
    ref = (await source.callAsync('VM.snapshot', params, { signal })) as Ref<'VM'>
  } catch (error) {
    throw snapshotFailure(error)
  }
  return readMade(context, ref)
}

/** For taking the keys off, also when the run was cancelled; what stays is taken off by the next run. */
const UNMARK_LIMIT_MS = 30_000

/** Runs `take`, and for that time says on the disks whose snapshot is being taken: MARK.snapshotting. */
export async function whileMarked<T>(
  { source, ids, signal, log }: Pick<RunContext, 'source' | 'ids' | 'signal' | 'log'>,
  disks: readonly Ref<'VDI'>[],
  srs: readonly string[],
  take: () => Promise<T>,
): Promise<T> {
  const key = `${MARK.snapshotting}${ids.run}`
  const mark: SnapshottingMark = { job: ids.job, vm: ids.vm, srs, at: formatDatetime(Date.now()) }
  await Promise.all(disks.map((disk) => source.call('VDI.add_to_other_config', [disk, key, JSON.stringify(mark)], { signal })))
  try {
    return await take()
  } finally {
    const late = AbortSignal.timeout(UNMARK_LIMIT_MS)
    await Promise.all(disks.map((disk) => source.call('VDI.remove_from_other_config', [disk, key], { signal: late }))).catch(
      (error: Error) => log(`a key of this run stays on the source's disks until the next run: ${error.message}`),
    )
  }
}

async function readMade(context: RunContext, ref: Ref<'VM'>): Promise<SourceSnapshot> {
  try {
    return await readSnapshot(context, ref)
  } catch (error) {
    await dropSnapshotVm(context, ref).catch(() => undefined)
    throw error
  }
}

/** The snapshot of a run, as it is: just taken, or left by an interrupted run that is taken up again. */
export async function readSnapshot({ source, signal }: RunContext, ref: Ref<'VM'>): Promise<SourceSnapshot> {
  const [record, vbds] = await Promise.all([
    source.record('VM', ref, { signal }),
    source.call<Record<string, RecordOf['VBD']>>('VBD.get_all_records_where', [`field "VM" = "${ref}"`], { signal }),
  ])
  const found = Object.values(vbds).filter(({ type, empty }) => type === 'Disk' && !empty)
  const disks = await Promise.all(
    found.map(async ({ userdevice, VDI }): Promise<SnapshotDisk> => {
      const disk = await source.record('VDI', VDI, { signal })
      const { uuid, snapshot_of: of, virtual_size: size, cbt_enabled: cbt } = disk
      return { userdevice, ref: VDI, uuid, of, size, cbt, config: withoutMarks(disk.other_config) }
    }),
  )
  const memory = await readMemory({ source, signal }, record)
  return { ref, record, takenAt: parseDatetime(record.snapshot_time) ?? Date.now(), disks, ...(memory === undefined ? {} : { memory }) }
}

async function readMemory(
  { source, signal }: Pick<RunContext, 'source' | 'signal'>,
  vm: RecordOf['VM'],
): Promise<SnapshotMemory | undefined> {
  if (vm.power_state !== 'Suspended' || isNull(vm.suspend_VDI)) return undefined
  const { uuid, virtual_size: size, sm_config: config } = await source.record('VDI', vm.suspend_VDI, { signal })
  const { vendor = '', features = '' } = vm.last_boot_CPU_flags
  return { ref: vm.suspend_VDI, uuid, size, imageFormat: config['image-format'], domain: vm.last_booted_record, cpu: { vendor, features } }
}

/**
 * After the restore point exists: tells on the snapshot's disks that they were carried over (the next run's base), then, where
 * asked, destroys the data and keeps the record of changes, so that protecting the VM costs its pool no space.
 * @param srs target SRs that it was carried over to
 */
export async function confirmSnapshot(
  context: RunContext,
  snapshot: SourceSnapshot,
  srs: readonly [string, ...string[]],
  chainLength: number,
  reduce: boolean,
): Promise<void> {
  const { source, signal, ids } = context
  const { ref, takenAt, record } = snapshot
  const marks = {
    [MARK.job]: ids.job,
    [MARK.schedule]: ids.schedule,
    [MARK.vm]: ids.vm,
    [MARK.datetime]: formatDatetime(takenAt),
    [MARK.nonNbdFix]: 'true',
    [MARK.run]: JSON.stringify(runMark(ids.run, srs)),
    [MARK.exported]: 'true',
    [MARK.chainLength]: String(chainLength),
  }
  await Promise.all(
    snapshot.disks.map((disk) =>
      source.call('VDI.set_other_config', [disk.ref, { ...disk.config, ...marks, [MARK.contentKey]: disk.uuid }], { signal }),
    ),
  )
  // The memory was carried over: nothing needs it here, and it takes as much space as the VM has memory.
  await haltCheckpoint(source, ref, record, signal)
  if (!reduce) {
    await Promise.all([
      source.call('VM.set_other_config', [ref, { ...withoutMarks(record.other_config), ...marks }], { signal }),
      // Snapshots are made as templates; the original clears this as well, and looks for snapshots that are none.
      source.call('VM.set_is_a_template', [ref, false], { signal }),
    ])
    // Last: until then the name is what a later run recognises it by.
    await source.call('VM.set_name_label', [ref, `understudy ${ids.job} ${formatNameDate(takenAt)}`], { signal })
    return
  }
  // The snapshot VM goes first: data_destroy waits for the disk's VBDs, halted VMs' included, for 4 s only.
  await destroyVm(source, ref, signal)
  await Promise.all(
    snapshot.disks.map((disk) =>
      whenDetached(source, disk.ref, signal, () => source.call('VDI.data_destroy', [disk.ref], { signal, timeoutMs: REMOVAL_TIMEOUT_MS })),
    ),
  )
}

/** Takes a snapshot back, whatever state it is in. */
export async function dropSnapshotVm({ source }: RunContext, ref: Ref<'VM'>): Promise<void> {
  // Also called when the run was cancelled: its own signal would stop the cleaning up.
  const signal = AbortSignal.timeout(120_000)
  try {
    const record = await source.record('VM', ref, { signal })
    await haltCheckpoint(source, ref, record, signal)
    const { VBDs } = record
    const vbds = await Promise.all(VBDs.map((vbd) => source.record('VBD', vbd, { signal })))
    const disks = vbds.filter(({ type, empty }) => type === 'Disk' && !empty).map(({ VDI }) => VDI)
    await destroyWithDisks(source, ref, disks, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
