/** All restore points that a pool holds, by their chain: what is shown of replicas, and how a server learns again what was achieved. */
import { readMarks, readReplicaMark } from '../core/marks.ts'
import type { RestorePoint } from '../core/observation.ts'
import { newestFirst } from '../core/restore-point-order.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { findCopyVms } from './copy-vms.ts'
import { type Chain, findReplica, isPointOf, restorePoint } from './inspect-target.ts'
import { disksOf, findByUuid, type PoolView } from './pool-view.ts'

export interface ChainPoints {
  readonly chain: Chain
  /** uuid */
  readonly replica: string | undefined
  /** Newest first; those that are not complete at the end. */
  readonly points: readonly RestorePoint[]
}

type Vm = readonly [Ref<'VM'>, RecordOf['VM']]

/** @param wanted leaves out other chains, which then cost nothing */
export async function listRestorePoints(view: PoolView, wanted: (chain: Chain) => boolean = () => true): Promise<ChainPoints[]> {
  const out: ChainPoints[] = []
  for (const { chain, vms } of chainsOf(view).values()) {
    if (!wanted(chain)) continue
    // Only what carries the chain's marks is looked at: pools have thousands of VMs.
    const part: PoolView = { ...view, VM: withOrigins(view, vms) }
    const pointVms = vms.filter(([, vm]) => isPointOf(part, vm, chain))
    const seen = pointVms.map(([, vm]) => restorePoint(part, vm)).filter(({ complete, byOriginal }) => complete || byOriginal !== true)
    const copies = await findCopyVms(part, chain, new Map(pointVms), async () => undefined)
    const all = [...seen, ...copies.points]
    const points = [...newestFirst(all.filter(({ complete }) => complete)), ...all.filter(({ complete }) => !complete)]
    const replica = findReplica(part, chain, seen)?.record.uuid
    if (points.length > 0 || replica !== undefined) out.push({ chain, replica, points })
  }
  return out
}

/** Bytes that the disks of a restore point take on their storage, as far as it tells. */
export function bytesOf(view: PoolView, { uuid }: RestorePoint): number {
  const vm = findByUuid(view.VM, uuid)?.[1]
  return vm === undefined ? 0 : disksOf(view, vm).reduce((sum, { record }) => sum + Math.max(0, record.physical_utilisation), 0)
}

function chainsOf(view: PoolView): Map<string, { readonly chain: Chain; readonly vms: Vm[] }> {
  const out = new Map<string, { readonly chain: Chain; readonly vms: Vm[] }>()
  for (const [ref, vm] of view.VM) {
    const chain = chainOf(vm)
    if (chain === undefined) continue
    const key = `${chain.job}/${chain.vm}/${chain.sr}`
    const found = out.get(key)
    if (found === undefined) out.set(key, { chain, vms: [[ref, vm]] })
    else found.vms.push([ref, vm])
  }
  return out
}

function chainOf({ uuid, other_config: config }: RecordOf['VM']): Chain | undefined {
  const mark = readReplicaMark(config, uuid)
  if (mark !== undefined) return { job: mark.job, vm: mark.vm, sr: mark.sr }
  const { job, vm, sr } = readMarks(config)
  return job === undefined || vm === undefined || sr === undefined ? undefined : { job, vm, sr }
}

/** And the VMs that the snapshots among them were taken of. */
function withOrigins(view: PoolView, vms: readonly Vm[]): PoolView['VM'] {
  const out = new Map<Ref<'VM'>, RecordOf['VM']>(vms)
  for (const [, { snapshot_of: of }] of vms) {
    const origin = view.VM.get(of)
    if (origin !== undefined) out.set(of, origin)
  }
  return out
}
