/**
 * A clone of a restore point that can be started. XAPI's clone inherits every key of the restore point and can't be named twice in one
 * call, so it is called "being made" until nothing of the chain is left on it; one that kept that name belongs to an operation that died.
 */
import type { CopyVifPlan } from '../../core/failover/copy-networks.ts'
import { type CopyMark, unfinishedCopy } from '../../core/failover/marks.ts'
import { MARK, REPLICA_TAG, readMarks, withoutMarks } from '../../core/marks.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { destroyWithDisks, isGone } from '../destroy.ts'
import { findByUuid, type PoolView } from '../pool-view.ts'
import { isolatedNetwork } from './isolated-network.ts'
import type { FailoverOptions } from './options.ts'

export interface CopyRequest {
  /** The restore point. */
  readonly of: Ref<'VM'>
  readonly name: string
  readonly description: string
  readonly mark: Omit<CopyMark, 'self'>
  readonly tags: readonly string[]
  readonly vifs: readonly CopyVifPlan[]
  /** Put on the VM beside the mark; not on its disks. */
  readonly more?: (self: string) => Readonly<Record<string, string>>
  /** Reasons by operation. */
  readonly blocked?: Readonly<Record<string, string>>
}

export interface MadeCopy {
  readonly ref: Ref<'VM'>
  readonly uuid: string
}

/** Halted, without keys of the chain, its interfaces in place. On failure it is removed again. */
export async function copyVm(options: FailoverOptions, view: PoolView, request: CopyRequest): Promise<MadeCopy> {
  const { target, signal, id } = options
  const unfinished = unfinishedCopy(request.mark.kind === 'test' ? 'test' : 'work', id)
  const ref = await cloneCalled(target, request.of, unfinished, signal)
  try {
    const record = await target.record('VM', ref, { signal })
    const { uuid } = record
    const config = {
      ...withoutMarks(record.other_config),
      ...request.more?.(uuid),
      [MARK.copy]: JSON.stringify({ ...request.mark, self: uuid } satisfies CopyMark),
    }
    const tags = [...new Set([...record.tags.filter((tag) => tag !== REPLICA_TAG), ...request.tags])]
    const disks = await disksOfVm(target, record, signal)
    await Promise.all([
      ...(request.blocked === undefined ? [] : [target.call('VM.set_blocked_operations', [ref, request.blocked], { signal })]),
      target.call('VM.set_other_config', [ref, config], { signal }),
      target.call('VM.set_tags', [ref, tags], { signal }),
      target.call('VM.set_name_description', [ref, request.description], { signal }),
      // A restore point whose run ended at that moment is still a template, and so is its clone.
      ...(record.is_a_template ? [target.call('VM.set_is_a_template', [ref, false], { signal })] : []),
      ...disks.map(({ vdi, record: disk }) => target.call('VDI.set_other_config', [vdi, withoutMarks(disk.other_config)], { signal })),
      placeVifs(options, view, ref, record, request),
    ])
    await target.call('VM.set_name_label', [ref, request.name], { signal })
    return { ref, uuid }
  } catch (error) {
    await removeCopy(target, ref, AbortSignal.timeout(120_000)).catch(() => undefined)
    throw error
  }
}

/** Fails without a clone: one whose answer was lost is found by its name and by what it inherited from its restore point. */
async function cloneCalled(target: Xapi, of: Ref<'VM'>, name: string, signal: AbortSignal): Promise<Ref<'VM'>> {
  const from = readMarks(await target.call<Record<string, string>>('VM.get_other_config', [of], { signal }))
  try {
    return (await target.callAsync('VM.clone', [of, name], { signal })) as Ref<'VM'>
  } catch (error) {
    // VMs of one recovery plan are cloned at the same time, under one name.
    const late = AbortSignal.timeout(120_000)
    const made = await target.call<Ref<'VM'>[]>('VM.get_by_name_label', [name], { signal: late }).catch(() => [])
    for (const ref of made) {
      const config = await target.call<Record<string, string>>('VM.get_other_config', [ref], { signal: late }).catch(() => ({}))
      const { copyOf, vm } = readMarks(config)
      if (vm === from.vm && copyOf === from.copyOf) await removeCopy(target, ref, late).catch(() => undefined)
    }
    throw error
  }
}

/** Brings the interfaces of a halted VM to where they are planned; nothing is called for one that is right. */
export async function placeVifs(
  options: FailoverOptions,
  view: PoolView,
  vm: Ref<'VM'>,
  record: RecordOf['VM'],
  { vifs, mark }: Pick<CopyRequest, 'vifs' | 'mark'>,
): Promise<void> {
  const { target, signal } = options
  for (const ref of record.VIFs) {
    const vif = await target.record('VIF', ref, { signal })
    const plan = vifs.find(({ device }) => device === vif.device)
    if (plan === undefined) continue
    const place = await networkFor(options, view, plan, mark)
    if (place === vif.network && (plan.mac === null || plan.mac.toLowerCase() === vif.MAC.toLowerCase())) continue
    await target.call('VIF.destroy', [ref], { signal })
    if (place === undefined) continue
    const { device, MTU, other_config, qos_algorithm_type, qos_algorithm_params } = vif
    const made = { device, network: place, VM: vm, MAC: plan.mac ?? '', MTU, other_config, qos_algorithm_type, qos_algorithm_params }
    await target.call('VIF.create', [made], { signal })
  }
}

/** Undefined: it is to be left disconnected, or the network is gone. */
export async function networkFor(
  options: FailoverOptions,
  view: PoolView,
  { to, from }: CopyVifPlan,
  mark: CopyRequest['mark'],
): Promise<Ref<'network'> | undefined> {
  switch (to.kind) {
    case 'none':
      return undefined
    case 'network':
      return findByUuid(view.network, to.uuid)?.[0]
    case 'new-isolated':
      return isolatedNetwork(options, findByUuid(view.network, from)?.[1], from, mark)
  }
}

export interface DiskOfVm {
  readonly vdi: Ref<'VDI'>
  readonly record: RecordOf['VDI']
  readonly userdevice: string
}

/** As the pool has them now; no CDs. */
export async function disksOfVm(xapi: Xapi, record: RecordOf['VM'], signal: AbortSignal): Promise<DiskOfVm[]> {
  const vbds = await Promise.all(record.VBDs.map((vbd) => xapi.record('VBD', vbd, { signal })))
  const disks = vbds.filter(({ type, empty }) => type === 'Disk' && !empty)
  return Promise.all(
    disks.map(async ({ VDI: vdi, userdevice }) => ({ vdi, userdevice, record: await xapi.record('VDI', vdi, { signal }) })),
  )
}

/** Stops the VM by force and destroys it with the disks that nobody else has. What is gone already is fine. */
export async function removeCopy(xapi: Xapi, ref: Ref<'VM'>, signal: AbortSignal): Promise<void> {
  try {
    const first = await xapi.record('VM', ref, { signal })
    if (first.power_state !== 'Halted') await xapi.callAsync('VM.hard_shutdown', [ref], { signal })
    const record = await xapi.record('VM', ref, { signal })
    const disks = await disksOfVm(xapi, record, signal)
    // A restore point's disk never hangs on a clone of it: what is shared with another VM, somebody attached.
    const own = disks.filter(({ record: disk }) => !disk.is_a_snapshot && disk.VBDs.every((vbd) => record.VBDs.includes(vbd)))
    await destroyWithDisks(
      xapi,
      ref,
      own.map(({ vdi }) => vdi),
      signal,
    )
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
