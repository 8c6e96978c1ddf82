/** Everything inspect needs of a pool, read at once: one call a class, all in parallel. */

import { chainDepth } from '../core/chain-health.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'

const CLASSES = ['VM', 'VBD', 'VDI', 'VIF', 'network', 'PIF', 'SR'] as const
type Viewed = (typeof CLASSES)[number]

export type PoolView = { readonly [C in Viewed]: Map<Ref<C>, RecordOf[C]> }

/** @param known classes that need not be asked for: their maps are taken as they are */
export async function viewPool(xapi: Xapi, signal: AbortSignal, known: Partial<PoolView> = {}): Promise<PoolView> {
  const all = await Promise.all(CLASSES.map(async (name: Viewed) => [name, known[name] ?? (await xapi.records(name, { signal }))] as const))
  return Object.fromEntries(all) as unknown as PoolView
}

/** Of both pools, which may be one. @param known what need not be asked for, see viewPool; of a pool that is both, the target's counts */
export async function viewPools(
  { source, target, signal }: { readonly source: Xapi; readonly target: Xapi; readonly signal: AbortSignal },
  known: { readonly source?: Partial<PoolView>; readonly target?: Partial<PoolView> } = {},
): Promise<{ readonly source: PoolView; readonly target: PoolView }> {
  if (source === target || source.url === target.url) {
    const view = await viewPool(target, signal, known.target)
    return { source: view, target: view }
  }
  const [one, other] = await Promise.all([viewPool(source, signal, known.source), viewPool(target, signal, known.target)])
  return { source: one, target: other }
}

/** The object of a uuid; undefined when there is none. */
export function findByUuid<R extends { readonly uuid: string }, K>(records: Map<K, R>, uuid: string): [K, R] | undefined {
  for (const entry of records) if (entry[1].uuid === uuid) return entry
  return undefined
}

export interface AttachedDisk {
  readonly vbd: Ref<'VBD'>
  readonly vbdRecord: RecordOf['VBD']
  readonly ref: Ref<'VDI'>
  readonly record: RecordOf['VDI']
}

/** The disks of a VM (no CDs, no empty drives, nothing dangling), by userdevice as numbers go. */
export function disksOf(view: PoolView, vm: RecordOf['VM']): AttachedDisk[] {
  const out: AttachedDisk[] = []
  for (const vbd of vm.VBDs) {
    const vbdRecord = view.VBD.get(vbd)
    if (vbdRecord === undefined || vbdRecord.type !== 'Disk' || vbdRecord.empty) continue
    const record = view.VDI.get(vbdRecord.VDI)
    if (record !== undefined) out.push({ vbd, vbdRecord, ref: vbdRecord.VDI, record })
  }
  return out.sort((a, b) => Number(a.vbdRecord.userdevice) - Number(b.vbdRecord.userdevice))
}

/** The drives of a VM, with or without a disc. */
export function drivesOf(view: PoolView, vm: RecordOf['VM']): { readonly userdevice: string; readonly bootable: boolean }[] {
  return vm.VBDs.flatMap((ref) => {
    const vbd = view.VBD.get(ref)
    return vbd?.type === 'CD' ? [{ userdevice: vbd.userdevice, bootable: vbd.bootable }] : []
  })
}

/** VBDs of a disk that belong to ordinary VMs: those of control domains come and go with transfers. */
export function holdersOf(view: PoolView, vdi: RecordOf['VDI']): { vbd: Ref<'VBD'>; vm: Ref<'VM'>; vmRecord: RecordOf['VM'] }[] {
  const out = []
  for (const vbd of vdi.VBDs) {
    const vm = view.VBD.get(vbd)?.VM
    const vmRecord = vm === undefined ? undefined : view.VM.get(vm)
    if (vm !== undefined && vmRecord !== undefined && !vmRecord.is_control_domain) out.push({ vbd, vm, vmRecord })
  }
  return out
}

/** Images that a disk's chain has, as far as its storage tells (`vhd-parent` of sm_config, a uuid). */
export function chainDepthOf(view: PoolView, vdi: RecordOf['VDI']): number | undefined {
  const images = imagesOf(view)
  return chainDepth(vdi.uuid, (uuid) => {
    const found = images.get(uuid)
    return found === undefined ? 'unknown' : found.sm_config['vhd-parent']
  })
}

const byUuid = new WeakMap<PoolView, Map<string, RecordOf['VDI']>>()

function imagesOf(view: PoolView): Map<string, RecordOf['VDI']> {
  let images = byUuid.get(view)
  if (images === undefined) {
    images = new Map([...view.VDI.values()].map((vdi) => [vdi.uuid, vdi]))
    byUuid.set(view, images)
  }
  return images
}
