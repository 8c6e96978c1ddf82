/**
 * The memory of a restore point: the suspend image of the source's checkpoint, as a disk of its own on the target's storage that hangs on
 * no VM. The replica stays halted; only a copy of the restore point can be made to go on with it (failover/copy-with-memory.ts).
 */

import type { Reason } from '../core/base.ts'
import { MARK, type MemoryMark } from '../core/marks.ts'
import { cpuObstacle, memoryCpuDiffers } from '../core/memory.ts'
import type { SentDiskPlan } from '../core/plan.ts'
import type { MemoryReport } from '../core/report.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { type Carrying, sendDisk } from './carry-disk.ts'
import { destroyDisk } from './destroy.ts'
import type { SentDisk } from './disk-report.ts'
import { unfinishedDiskPrefix } from './inspect-target.ts'
import type { RunContext } from './session.ts'
import type { SnapshotMemory } from './source-snapshot.ts'
import type { TargetDisk } from './target-disk.ts'

export type SentMemory = SentDisk

/** How progress and reports call it: it has no position. */
const PLACE = 'memory'

/** Sends the image whole: two suspend images of a guest have little in common that could be told apart cheaply. */
export async function carryMemory(context: RunContext, carrying: Carrying, memory: SnapshotMemory): Promise<SentMemory> {
  const reason: Reason = { code: 'memory', text: 'the memory of a VM is sent whole' }
  const plan: SentDiskPlan = {
    mode: 'full',
    userdevice: PLACE,
    source: memory.uuid,
    name: PLACE,
    size: memory.size,
    reason,
    choice: { kind: 'full', reason, landing: { kind: 'create' } },
  }
  const snapshot = { userdevice: PLACE, ref: memory.ref, uuid: memory.uuid, of: memory.ref, size: memory.size, cbt: false, config: {} }
  const sending: Parameters<typeof sendDisk>[2] = {
    plan,
    snapshot,
    base: undefined,
    open: (want) => carrying.side.open(context.ids.sr, memory.uuid, want),
    prepare: async () => {
      const made = await createImage(context, carrying, memory)
      carrying.onMade(made.ref)
      return made
    },
    writtenOnTarget: async () => undefined,
    mayBeFull: true,
  }
  // The source's image goes with its checkpoint: nothing else will be left to compare with.
  return sendDisk(context, carrying, sending, true)
}

/** It is called as a disk in the making until its marks say whose it is; until a restore point names it, it is a left-over of its run. */
async function createImage(context: RunContext, { prepared }: Carrying, memory: SnapshotMemory): Promise<TargetDisk> {
  const { target, ids, signal } = context
  const record = {
    name_label: `${unfinishedDiskPrefix(ids.job)}${ids.run} (being made)`,
    name_description: 'Memory of a restore point kept by Understudy',
    SR: prepared.target.sr,
    virtual_size: memory.size,
    type: 'suspend',
    sharable: false,
    read_only: false,
    other_config: {},
  }
  const ref = (await target.callAsync('VDI.create', [record], { signal })) as Ref<'VDI'>
  try {
    const uuid = await target.call<string>('VDI.get_uuid', [ref], { signal })
    const { job, vm, sr, run } = ids
    const mark: MemoryMark = { job, vm, sr, self: uuid, run, cpu: memory.cpu }
    const config = { [MARK.memory]: JSON.stringify(mark), [MARK.domain]: memory.domain }
    const writing = { run, from: null, to: memory.uuid }
    await target.call('VDI.set_other_config', [ref, { ...config, [MARK.writing]: JSON.stringify(writing) }], { signal })
    await target.call('VDI.set_name_label', [ref, `${prepared.plan.vm.name} ${PLACE}`], { signal })
    return { ref, uuid, config, blank: true, tracked: false, created: true, writing }
  } catch (error) {
    await destroyDisk(target, ref, AbortSignal.timeout(120_000)).catch(() => undefined)
    throw error
  }
}

/** Whether the hosts of the target could go on with it, as far as their CPUs tell. */
export async function warnOfCpu(
  { target, signal }: RunContext,
  { cpu }: SnapshotMemory,
  domainType: RecordOf['VM']['domain_type'],
): Promise<Reason | undefined> {
  const [pool] = (await target.records('pool', { signal })).values()
  const info = pool?.cpu_info ?? {}
  const features = (domainType === 'pv' ? info.features_pv : info.features_hvm) ?? ''
  const obstacle = cpuObstacle(cpu, { vendor: info.vendor ?? '', features })
  return obstacle === undefined ? undefined : memoryCpuDiffers(obstacle)
}

export function memoryReport({ result, snapshot, verify }: SentMemory): MemoryReport {
  return {
    target: result.disk.uuid,
    size: snapshot.size,
    read: result.read,
    written: result.written,
    bytesRead: result.bytesRead,
    bytesSent: result.bytesSent,
    seconds: result.seconds,
    verify,
    fallbacks: result.fallbacks,
  }
}
