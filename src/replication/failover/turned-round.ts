/** What both pools know of a VM that failed over and of its original: the facts that turning protection round is decided by. */
import type { Extent } from '../../block/block.ts'
import { totalLength } from '../../block/extents.ts'
import { readCommonMark } from '../../core/failover/marks.ts'
import { planReprotect, type ReprotectPlan, type TurnedDisk } from '../../core/failover/reprotect.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, readMarks, readReplicaMark } from '../../core/marks.ts'
import type { PowerState } from '../../core/observation.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { listChanges } from '../block-source.ts'
import { whenDetached } from '../destroy.ts'
import { type AttachedDisk, disksOf, findByUuid, type PoolView, viewPool } from '../pool-view.ts'
import type { FailoverOptions } from './options.ts'
import type { FailedOver } from './undo.ts'

/** A disk of the VM that failed over, with what is found of the original's. */
export interface FoundDisk extends TurnedDisk {
  readonly live: AttachedDisk
  /** On this side: what both had. */
  readonly common: { readonly ref: Ref<'VDI'>; readonly record: RecordOf['VDI'] } | undefined
  /** On the original's side: what both had, and the disk since. */
  readonly since: { readonly ref: Ref<'VDI'>; readonly record: RecordOf['VDI'] } | undefined
  readonly there: AttachedDisk | undefined
}

export interface PreparedReprotect {
  readonly plan: ReprotectPlan
  /** It is protected in that direction already: then it is a chain like any other. */
  readonly turned: boolean
  readonly failed: FailedOver
  readonly record: RecordOf['VM']
  readonly original: { readonly ref: Ref<'VM'>; readonly record: RecordOf['VM'] } | undefined
  readonly disks: readonly FoundDisk[]
  readonly views: { readonly here: PoolView; readonly there: PoolView }
}

/**
 * Looks at both pools and decides; changes nothing.
 * @param sr uuid of the storage repository for the way back; default: that of the original's first disk
 */
export async function prepareReprotect(
  options: FailoverOptions,
  original: Xapi,
  failed: FailedOver,
  sr?: string,
): Promise<PreparedReprotect> {
  const { target, signal } = options
  const here = await viewPool(target, signal)
  const there = target.url === original.url ? here : await viewPool(original, signal)
  const record = here.VM.get(failed.ref)
  if (record === undefined) throw new Failure('NOT_FAILED_OVER', `"${failed.name}" is not there any more`)
  const vm = findByUuid(there.VM, failed.mark.vm)
  const disks = await Promise.all(disksOf(here, record).map((live) => lookAt(options, original, { here, there }, failed, vm, live)))
  const storage = sr ?? (vm === undefined ? undefined : there.SR.get(disksOf(there, vm[1])[0]?.record.SR as Ref<'SR'>)?.uuid)
  if (storage === undefined) {
    throw new Failure('STORAGE_NOT_NAMED', 'the original is not there any more, so nothing says where the way back leads')
  }
  if (!findByUuid(there.SR, storage)) throw new Failure('SR_NOT_FOUND', `the original's pool has no storage repository ${storage}`)
  const chain = { job: failed.mark.job, vm: failed.uuid, sr: storage }
  const turned = isTurned(there, chain)
  const plan = planReprotect({
    turned,
    failedOver: { uuid: failed.uuid, name: failed.name },
    original: vm && {
      uuid: vm[1].uuid,
      name: vm[1].name_label,
      powerState: vm[1].power_state as PowerState,
      haPriority: vm[1].ha_restart_priority,
      snapshots: vm[1].snapshots.length,
    },
    chain,
    disks: disks.map(({ userdevice, disk, base, ownBase, original: of, written }) => ({
      userdevice,
      disk,
      base,
      ownBase,
      original: of,
      written,
    })),
  })
  return { plan, turned, failed, record, original: vm && { ref: vm[0], record: vm[1] }, disks, views: { here, there } }
}

/** Whether the way back has a replica with a restore point, that has not failed over itself. */
function isTurned(there: PoolView, chain: ReprotectPlan['chain']): boolean {
  const replica = [...there.VM].find(([, { is_a_snapshot: snapshot, other_config: config, uuid }]) => {
    const mark = readReplicaMark(config, uuid)
    return !snapshot && mark?.job === chain.job && mark.vm === chain.vm && mark.sr === chain.sr && !(MARK.failover in config)
  })
  return [...there.VM.values()].some(({ is_a_snapshot: snapshot, snapshot_of: of, other_config: config, uuid }) => {
    const marks = readMarks(config)
    return snapshot && of === replica?.[0] && config[MARK.self] === uuid && marks.job === chain.job && marks.vm === chain.vm
  })
}

async function lookAt(
  options: FailoverOptions,
  xapi: Xapi,
  { here, there }: PreparedReprotect['views'],
  { mark }: FailedOver,
  original: readonly [Ref<'VM'>, RecordOf['VM']] | undefined,
  live: AttachedDisk,
): Promise<FoundDisk> {
  const found = commonOf(here, mark, live)
  const since = found && findByUuid(there.VDI, found.of)
  const there_ = since && original && disksOf(there, original[1]).find(({ ref }) => ref === since[1].snapshot_of)
  const halted = original?.[1].power_state === 'Halted'
  const extents = since && there_ && halted ? await changesOf(options, xapi, since[0], there_) : undefined
  return {
    userdevice: live.vbdRecord.userdevice,
    disk: live.record.uuid,
    base: found?.record.uuid,
    ownBase: found?.own ?? false,
    original: there_?.record.uuid,
    written: extents && totalLength(extents),
    live,
    common: found && { ref: found.ref, record: found.record },
    since: since && { ref: since[0], record: since[1] },
    there: there_,
  }
}

/** The snapshot that it had when it took over; else its restore point's, for the disk that this one is. */
function commonOf(view: PoolView, mark: FailedOver['mark'], live: AttachedDisk) {
  for (const [uuid, own] of [
    [mark.base, true],
    [mark.point, false],
  ] as const) {
    const snapshot = uuid === undefined ? undefined : findByUuid(view.VM, uuid)?.[1]
    if (snapshot === undefined) continue
    for (const { ref, record } of disksOf(view, snapshot)) {
      if (record.snapshot_of !== live.ref) continue
      const of = own ? readCommonMark(record.other_config, record.uuid)?.of : readMarks(record.other_config).copyOf
      if (of !== undefined) return { ref, record, of, own }
    }
  }
  return undefined
}

/** What differs, by change tracking, which must have been on all the time: a lineage that is broken is refused. Undefined: can't be told. */
export async function changesOf(
  { signal }: Pick<FailoverOptions, 'signal'>,
  xapi: Xapi,
  since: Ref<'VDI'>,
  disk: { readonly ref: Ref<'VDI'>; readonly record: RecordOf['VDI'] },
): Promise<readonly Extent[] | undefined> {
  if (!disk.record.cbt_enabled) return undefined
  try {
    const readable = { ref: disk.ref, size: disk.record.virtual_size, cbt: true }
    return await whenDetached(xapi, disk.ref, signal, () => listChanges({ source: xapi, signal }, since, readable))
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof XapiError)) throw error
    return undefined
  }
}
