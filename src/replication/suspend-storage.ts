/** What carrying a VM's memory asks of its pool: the suspend image, and the storage that it is on or would be made on. */
import type { MemoryFacts } from '../core/observation.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import { isNull, type Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { allocatedOf } from './allocated.ts'
import { spaceOf } from './inspect-target.ts'
import type { PoolView } from './pool-view.ts'

/** Undefined: it holds no memory that a checkpoint could keep. */
export async function memoryFacts(xapi: Xapi, view: PoolView, vm: RecordOf['VM'], signal: AbortSignal): Promise<MemoryFacts | undefined> {
  if (vm.power_state === 'Suspended') {
    const image = view.VDI.get(vm.suspend_VDI)
    if (image === undefined) return undefined
    const least = allocatedOf(view, image)?.least ?? 0
    return { size: image.virtual_size, least, storage: await storageOf(xapi, image.SR, signal) }
  }
  if (vm.power_state !== 'Running') return undefined
  const sr = await suspendSr(xapi, vm, signal)
  return { size: suspendImageSize(vm.memory_static_max), least: 0, storage: sr && (await storageOf(xapi, sr, signal)) }
}

/** Memory, a fifth and a twentieth on top, and 100 MiB; virtual GPUs not counted (suspend in ocaml/xapi/xapi_xenops.ml). */
export const suspendImageSize = (memory: number): number => Math.floor(memory * 1.2 * 1.05) + 100 * 2 ** 20

/** The VM's own choice, else the pool's, else the host's, of those that the host has attached (choose_suspend_sr in ocaml/xapi/helpers.ml). */
async function suspendSr(xapi: Xapi, vm: RecordOf['VM'], signal: AbortSignal): Promise<Ref<'SR'> | undefined> {
  const [pools, hosts, pbds] = await Promise.all([
    xapi.records('pool', { signal }),
    xapi.records('host', { signal }),
    xapi.records('PBD', { signal }),
  ])
  const [pool] = pools.values()
  const attached = [...pbds.values()].filter(({ host, currently_attached: on }) => on && host === vm.resident_on).map(({ SR }) => SR)
  const choices = [vm.suspend_SR, pool?.suspend_image_SR, hosts.get(vm.resident_on)?.suspend_image_sr]
  return choices.find((sr): sr is Ref<'SR'> => sr !== undefined && !isNull(sr) && attached.includes(sr))
}

async function storageOf(xapi: Xapi, ref: Ref<'SR'>, signal: AbortSignal): Promise<MemoryFacts['storage']> {
  const sr = await xapi.record('SR', ref, { signal })
  return { uuid: sr.uuid, name: sr.name_label, ...spaceOf(sr) }
}
