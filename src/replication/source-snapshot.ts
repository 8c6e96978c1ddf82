/** The snapshot that a run reads: taken, tagged, confirmed after success, reduced to its record of changes, or taken back. */

import { Failure } from '../core/failure.ts'
import { formatDatetime, formatNameDate, MARK, parseDatetime, runMark, withoutMarks } from '../core/marks.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { destroyVm, destroyWithDisks, isGone, REMOVAL_TIMEOUT_MS, whenDetached } from './destroy.ts'
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
  return { ref, record, takenAt: parseDatetime(record.snapshot_time) ?? Date.now(), disks }
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
    const { VBDs } = await source.record('VM', ref, { signal })
    const vbds = await Promise.all(VBDs.map((vbd) => source.record('VBD', vbd, { signal })))
    const disks = vbds.filter(({ type, empty }) => type === 'Disk' && !empty).map(({ VDI }) => VDI)
    await destroyWithDisks(source, ref, disks, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
