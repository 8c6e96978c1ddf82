/**
 * The snapshot that a VM has at the moment it takes over. Its disks hold what the restore point's hold, and so what a snapshot of the
 * original held: changes on this side are tracked from here on, which is what a failback builds on.
 */
import type { Reason } from '../../core/base.ts'
import { baseName, type CommonMark } from '../../core/failover/marks.ts'
import { MARK, withoutMarks } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { Ref } from '../../xapi/ref.ts'
import { destroyWithDisks } from '../destroy.ts'
import { track } from '../target-disk.ts'
import { disksOfVm } from './copy-vm.ts'
import { type FailoverOptions, log, step } from './options.ts'
import type { StartingPoint } from './point.ts'

/**
 * To be called when every disk of the halted VM is proven to hold the restore point's content. Undefined when the storage refuses: a
 * failover does not fail for that, and the warning says what it costs.
 */
export async function takeBase(
  options: FailoverOptions,
  vm: Ref<'VM'>,
  { point, chain }: StartingPoint,
  warnings: Reason[],
): Promise<string | undefined> {
  const { target, signal, id } = options
  step(options, 'base', 'noting what it holds before it starts, for going back')
  let snapshot: Ref<'VM'> | undefined
  try {
    const disks = await disksOfVm(target, await target.record('VM', vm, { signal }), signal)
    const tracker = { target, signal, log: (message: string) => log(options, message) }
    // Once more where it failed: without it, going back is a full copy.
    const tracked = await Promise.all(
      disks.filter(({ record }) => !record.cbt_enabled).map(async ({ vdi }) => (await track(tracker, vdi)) || track(tracker, vdi)),
    )
    if (tracked.includes(false)) warnings.push(NOT_TRACKED)
    await dropBases(options, vm, chain.job)
    snapshot = (await target.callAsync('VM.snapshot', [vm, baseName(chain.job, id)], { signal })) as Ref<'VM'>
    const record = await target.record('VM', snapshot, { signal })
    const held = await disksOfVm(target, record, signal)
    await Promise.all(
      held.map(async ({ vdi, record: disk, userdevice }) => {
        const of = point.disks.find((each) => each.userdevice === userdevice)?.copyOf
        const live = disks.find((each) => each.userdevice === userdevice)
        if (of === undefined || live === undefined) return
        const mark: CommonMark = { self: disk.uuid, of, disk: live.record.uuid }
        const config = { ...withoutMarks(disk.other_config), [MARK.common]: JSON.stringify(mark) }
        await target.call('VDI.set_other_config', [vdi, config], { signal })
      }),
    )
    await target.call('VM.set_is_a_template', [snapshot, false], { signal })
    return record.uuid
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    if (snapshot !== undefined) await removeSnapshot(target, snapshot, AbortSignal.timeout(60_000)).catch(() => undefined)
    warnings.push({
      code: 'no-common-base',
      text: `the storage refused the snapshot that a quick failback builds on (${error.code}): both sides will have to be compared`,
      avoid: 'keep fewer restore points, and give the storage time to coalesce',
    })
    return undefined
  }
}

const NOT_TRACKED: Reason = {
  code: 'base-not-tracked',
  text: 'the storage refused to track changes of a disk: going back sends that disk whole',
  avoid: 'put replicas on storage that can track changes (docs/replicate.md)',
}

/** Snapshots that attempts of the same failover left. */
export async function dropBases({ target, signal }: Pick<FailoverOptions, 'target' | 'signal'>, vm: Ref<'VM'>, job: string): Promise<void> {
  const { snapshots } = await target.record('VM', vm, { signal })
  for (const ref of snapshots) {
    const record = await target.record('VM', ref, { signal })
    if (record.name_label.startsWith(baseName(job, ''))) await removeSnapshot(target, ref, signal)
  }
}

export async function removeSnapshot(target: FailoverOptions['target'], ref: Ref<'VM'>, signal: AbortSignal): Promise<void> {
  const disks = await disksOfVm(target, await target.record('VM', ref, { signal }), signal)
  await destroyWithDisks(
    target,
    ref,
    disks.filter(({ record }) => record.is_a_snapshot).map(({ vdi }) => vdi),
    signal,
  )
}
