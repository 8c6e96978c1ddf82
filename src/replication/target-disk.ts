/** The disk that receives a transfer: the replica's own, a clone of a restore point's, or a new one; marked before its first byte. */
import type { Landing } from '../core/base.ts'
import { MARK, type WritingMark, withoutMarks } from '../core/marks.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { destroyDisk, whenFree } from './destroy.ts'
import { cloningToken, unfinishedDiskPrefix } from './inspect-target.ts'
import { type AttachedDisk, findByUuid, type PoolView } from './pool-view.ts'
import { LARGEST_VHD } from './qcow2-source.ts'
import { ownMarks, type ReplicaVm } from './replica-vm.ts'
import type { RunContext } from './session.ts'

/** The source disk as it was snapshotted, and how it hangs on its VM. */
export interface WantedDisk {
  readonly userdevice: string
  readonly name: string
  readonly description: string
  readonly size: number
  readonly bootable: boolean
  readonly mode: 'RO' | 'RW'
  /** uuid of the live source disk */
  readonly follows: string
  readonly type: string
  readonly otherConfig: Readonly<Record<string, string>>
}

export interface TargetDisk {
  readonly ref: Ref<'VDI'>
  readonly uuid: string
  /** `other_config` between runs, without the writing mark. */
  readonly config: Readonly<Record<string, string>>
  /** Whether it is known to be zero where nothing is written. */
  readonly blank: boolean
  /** Whether its SR tracks changes. */
  readonly tracked: boolean
  /** Made by this run. */
  readonly created: boolean
  readonly writing: WritingMark
}

/** Records that everything to be written below a byte is in place: the next run goes on from there should this one break off. */
export async function checkpoint(context: RunContext, disk: TargetDisk, done: number): Promise<void> {
  await mark(context, disk.ref, disk.config, { ...disk.writing, done })
}

/**
 * Gets the disk ready: sized, marked as being written (by which run, from which base), hanging on the replica in place of
 * `replaced`, which is destroyed. Nothing of a restore point is touched.
 */
export async function prepareTargetDisk(
  context: RunContext,
  view: PoolView,
  sr: Ref<'SR'>,
  replica: ReplicaVm,
  wanted: WantedDisk,
  landing: Landing,
  writing: WritingMark,
  /** False: nothing differs, so the disk that holds the base is fine as it is. */
  willWrite: boolean,
  replaced: AttachedDisk | undefined,
): Promise<TargetDisk> {
  switch (landing.kind) {
    case 'in-place':
    case 'continue': {
      const [ref, record] = findByUuid(view.VDI, landing.disk) as [Ref<'VDI'>, RecordOf['VDI']]
      const config = targetConfig(context, wanted, record.uuid)
      if (willWrite) await whenFree(context.target, ref, 1, context.signal)
      if (willWrite) await mark(context, ref, config, writing)
      await grow(context, ref, record.virtual_size, wanted.size)
      if (record.name_label !== wanted.name) await context.target.call('VDI.set_name_label', [ref, wanted.name], { signal: context.signal })
      return { ref, uuid: record.uuid, config, blank: false, tracked: record.cbt_enabled, created: false, writing }
    }
    case 'resume': {
      const [ref, record] = findByUuid(view.VDI, landing.disk) as [Ref<'VDI'>, RecordOf['VDI']]
      const config = targetConfig(context, wanted, record.uuid)
      const resumed = { ...writing, done: landing.done }
      if (willWrite) await whenFree(context.target, ref, 1, context.signal)
      if (willWrite) await mark(context, ref, config, resumed)
      const created = false
      // It began empty, and nothing but this snapshot's data was ever written to it.
      return { ref, uuid: record.uuid, config, blank: writing.from === null, tracked: record.cbt_enabled, created, writing: resumed }
    }
    case 'repair':
    case 'clone': {
      const [of, record] = findByUuid(view.VDI, landing.of) as [Ref<'VDI'>, RecordOf['VDI']]
      const ref = await cloneMarked(context, of, record)
      return adopt(context, replica, wanted, writing, replaced, { ref, size: record.virtual_size, blank: false })
    }
    case 'create': {
      const { target, ids, signal } = context
      const record = {
        name_label: `${unfinishedDiskPrefix(ids.job)}${ids.run} (being made)`,
        name_description: wanted.description,
        SR: sr,
        virtual_size: wanted.size,
        type: wanted.type === 'system' ? 'system' : 'user',
        sharable: false,
        read_only: false,
        other_config: {},
        // Where the storage keeps several formats it would choose this one by itself, unless it was told to prefer VHDs.
        ...(wanted.size > LARGEST_VHD ? { sm_config: { 'image-format': 'qcow2' } } : {}),
      }
      const ref = (await target.callAsync('VDI.create', [record], { signal })) as Ref<'VDI'>
      return adopt(context, replica, wanted, writing, replaced, { ref, size: wanted.size, blank: true })
    }
  }
}

/** A disk that hangs on the replica already and holds a copy of the source snapshot's disk `copyOf`: named and tracked as one that a run made. */
export async function adoptAttachedDisk(
  context: RunContext,
  { ref, record }: Pick<AttachedDisk, 'ref' | 'record'>,
  wanted: Pick<WantedDisk, 'name' | 'otherConfig' | 'follows'>,
  copyOf: string,
): Promise<TargetDisk> {
  const tracked = await track(context, ref)
  if (record.name_label !== wanted.name) await context.target.call('VDI.set_name_label', [ref, wanted.name], { signal: context.signal })
  const writing = { run: context.ids.run, from: null, to: copyOf }
  return { ref, uuid: record.uuid, config: targetConfig(context, wanted, record.uuid), blank: false, tracked, created: false, writing }
}

/** A clone can't be named or marked as it is made, but it inherits what its origin carries at that moment. */
export async function cloneMarked(
  { target, ids, signal }: Pick<RunContext, 'target' | 'ids' | 'signal'>,
  of: Ref<'VDI'>,
  record: RecordOf['VDI'],
): Promise<Ref<'VDI'>> {
  const token = cloningToken(ids)
  if (record.other_config[MARK.cloning] !== token) {
    await target.call('VDI.set_other_config', [of, { ...record.other_config, [MARK.cloning]: token }], { signal })
  }
  try {
    return (await target.callAsync('VDI.clone', [of, {}], { signal })) as Ref<'VDI'>
  } finally {
    // Also when the run was stopped: a user's clone would inherit it. Where it fails, the next run mends it.
    const late = AbortSignal.timeout(60_000)
    await target.call('VDI.remove_from_other_config', [of, MARK.cloning], { signal: late }).catch(() => undefined)
  }
}

/**
 * XAPI gives disks of the same content the same `content_id`, and storage migration sends only what differs from a disk of the target
 * that has the right one (doc/content/xapi/storage/sxm.md): the source's must never be on a disk with other content.
 */
function targetConfig(context: RunContext, wanted: Pick<WantedDisk, 'otherConfig' | 'follows'>, uuid: string): Record<string, string> {
  const { content_id: _, ...config } = withoutMarks(wanted.otherConfig)
  return { ...config, ...ownMarks(context, uuid), [MARK.disk]: wanted.follows }
}

function mark(
  { target, signal }: RunContext,
  ref: Ref<'VDI'>,
  config: Readonly<Record<string, string>>,
  writing: WritingMark,
): Promise<unknown> {
  return target.call('VDI.set_other_config', [ref, { ...config, [MARK.writing]: JSON.stringify(writing) }], { signal })
}

async function grow({ target, signal }: RunContext, ref: Ref<'VDI'>, from: number, to: number): Promise<void> {
  if (to > from) await target.callAsync('VDI.resize', [ref, to], { signal })
}

/** Marks, names and attaches a disk that this run made; a failure takes it back. */
async function adopt(
  context: RunContext,
  replica: ReplicaVm,
  wanted: WantedDisk,
  writing: WritingMark,
  replaced: AttachedDisk | undefined,
  made: { readonly ref: Ref<'VDI'>; readonly size: number; readonly blank: boolean },
): Promise<TargetDisk> {
  const { target, signal } = context
  const { ref } = made
  try {
    const uuid = await target.call<string>('VDI.get_uuid', [ref], { signal })
    const config = targetConfig(context, wanted, uuid)
    await mark(context, ref, config, writing)
    await target.call('VDI.set_name_label', [ref, wanted.name], { signal })
    await grow(context, ref, made.size, wanted.size)
    const tracked = await track(context, ref)
    if (replaced !== undefined) await target.call('VBD.destroy', [replaced.vbd], { signal })
    await attach(context, replica.ref, ref, wanted)
    if (replaced !== undefined) await destroyDisk(target, replaced.ref, signal)
    return { ref, uuid, config, blank: made.blank, tracked, created: true, writing }
  } catch (error) {
    await destroyDisk(target, ref, AbortSignal.timeout(120_000)).catch(() => undefined)
    throw error
  }
}

/** Change tracking on the replica's disk is what proves later that nobody else wrote to it. */
export async function track({ target, signal, log }: Pick<RunContext, 'target' | 'signal' | 'log'>, ref: Ref<'VDI'>): Promise<boolean> {
  try {
    await target.callAsync('VDI.enable_cbt', [ref], { signal })
    return true
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    log(`no change tracking on the replica's disk: ${error.code}`)
    return false
  }
}

export async function attach(
  { target, signal }: Pick<RunContext, 'target' | 'signal'>,
  vm: Ref<'VM'>,
  vdi: Ref<'VDI'>,
  wanted: Pick<WantedDisk, 'userdevice' | 'bootable' | 'mode'>,
): Promise<void> {
  const record = {
    VM: vm,
    VDI: vdi,
    userdevice: wanted.userdevice,
    bootable: wanted.bootable,
    mode: wanted.mode,
    type: 'Disk',
    empty: false,
    unpluggable: true,
    // What `xe vm-uninstall` takes for a disk of the VM's own, to be destroyed with it.
    other_config: { owner: '' },
    qos_algorithm_type: '',
    qos_algorithm_params: {},
  }
  await target.call('VBD.create', [record], { signal })
}
