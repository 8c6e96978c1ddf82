/** The snapshot that a run reads: taken, tagged, confirmed after success, reduced to its record of changes, or taken back. */
import { formatDatetime, formatNameDate, MARK, parseDatetime, withoutMarks } from '../core/marks.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { destroyVm, destroyWithDisks, isGone, whenDetached } from './destroy.ts'
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
  /** `other_config` as tagged. */
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
  { source, signal, log }: RunContext,
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

/** Takes and tags the snapshot. On failure nothing of it is left behind (as far as the pool still answers). */
export async function takeSnapshot(context: RunContext, vm: Ref<'VM'>, ignore: readonly Ref<'VDI'>[]): Promise<SourceSnapshot> {
  const { source, ids, signal } = context
  const params = [vm, unfinishedName(ids.job, ids.run), ...(ignore.length > 0 ? [ignore] : [])]
  const ref = (await source.callAsync('VM.snapshot', params, { signal })) as Ref<'VM'>
  try {
    const record = await source.record('VM', ref, { signal })
    const takenAt = parseDatetime(record.snapshot_time) ?? Date.now()
    const marks = {
      [MARK.job]: ids.job,
      [MARK.schedule]: ids.schedule,
      [MARK.vm]: ids.vm,
      [MARK.datetime]: formatDatetime(takenAt),
      [MARK.nonNbdFix]: 'true',
      [MARK.run]: JSON.stringify({ run: ids.run }),
    }
    const disks = await Promise.all((await readDisks(context, record)).map((disk) => tagDisk(context, disk, marks)))
    await Promise.all([
      source.call('VM.set_other_config', [ref, { ...withoutMarks(record.other_config), ...marks }], { signal }),
      source.call('VM.set_name_label', [ref, `understudy ${ids.job} ${formatNameDate(takenAt)}`], { signal }),
      // Snapshots are made as templates; the original clears this as well, and looks for snapshots that are none.
      source.call('VM.set_is_a_template', [ref, false], { signal }),
    ])
    return { ref, record, takenAt, disks }
  } catch (error) {
    await dropSnapshotVm(context, ref).catch(() => undefined)
    throw error
  }
}

interface FoundDisk {
  readonly userdevice: string
  readonly ref: Ref<'VDI'>
  readonly record: RecordOf['VDI']
}

async function readDisks({ source, signal }: RunContext, vm: RecordOf['VM']): Promise<FoundDisk[]> {
  const found = await Promise.all(
    vm.VBDs.map(async (vbd): Promise<FoundDisk[]> => {
      const { type, empty, userdevice, VDI } = await source.record('VBD', vbd, { signal })
      return type !== 'Disk' || empty ? [] : [{ userdevice, ref: VDI, record: await source.record('VDI', VDI, { signal }) }]
    }),
  )
  return found.flat()
}

async function tagDisk(
  { source, signal }: RunContext,
  { userdevice, ref, record }: FoundDisk,
  marks: Readonly<Record<string, string>>,
): Promise<SnapshotDisk> {
  const config = { ...withoutMarks(record.other_config), ...marks, [MARK.contentKey]: record.uuid }
  await source.call('VDI.set_other_config', [ref, config], { signal })
  return { userdevice, ref, uuid: record.uuid, of: record.snapshot_of, size: record.virtual_size, cbt: record.cbt_enabled, config }
}

/**
 * After the restore point exists: tells on the snapshot's disks that they were carried over (the next run's base), then, where
 * asked, destroys the data and keeps the record of changes, so that protecting the VM costs its pool no space.
 */
export async function confirmSnapshot(context: RunContext, snapshot: SourceSnapshot, chainLength: number, reduce: boolean): Promise<void> {
  const { source, signal } = context
  const confirmed = { [MARK.exported]: 'true', [MARK.chainLength]: String(chainLength) }
  await Promise.all(
    snapshot.disks.map(({ ref, config }) => source.call('VDI.set_other_config', [ref, { ...config, ...confirmed }], { signal })),
  )
  if (!reduce) {
    const config = await source.call<Record<string, string>>('VM.get_other_config', [snapshot.ref], { signal })
    await source.call('VM.set_other_config', [snapshot.ref, { ...config, ...confirmed }], { signal })
    return
  }
  // The snapshot VM goes first: data_destroy waits for the disk's VBDs, halted VMs' included, for 4 s only.
  await destroyVm(source, snapshot.ref, signal)
  await Promise.all(
    snapshot.disks.map(({ ref }) => whenDetached(source, ref, signal, () => source.callAsync('VDI.data_destroy', [ref], { signal }))),
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
