/** A replica's disk whose content is not that of the restore point makes way for a clone of the restore point's. */
import type { TakeOverDisk, TakeOverPlan } from '../../core/failover/take-over.ts'
import { MARK, withoutMarks } from '../../core/marks.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { destroyDisk } from '../destroy.ts'
import { findByUuid, type PoolView } from '../pool-view.ts'
import { ownMarks } from '../replica-vm.ts'
import { attach, cloneMarked, track } from '../target-disk.ts'
import { disksOfVm } from './copy-vm.ts'
import { type FailoverOptions, log } from './options.ts'

interface Place {
  readonly plan: Pick<TakeOverPlan, 'chain'>
  readonly start: { readonly ref: Ref<'VM'> }
  readonly view: PoolView
  readonly replica: { readonly ref: Ref<'VM'> } | undefined
}

/** The old one goes last. */
export async function replaceDisk(options: FailoverOptions, { start, view, replica, plan }: Place, disk: TakeOverDisk): Promise<void> {
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
