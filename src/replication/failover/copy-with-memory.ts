/**
 * A copy of a restore point that goes on with the memory of its source. XAPI gives a memory to no VM that is there already
 * (`VM.set_suspend_VDI` asks for a suspended one, and for an image of the same content; ocaml/xapi/xapi_vm.ml), and a clone of a snapshot is
 * always halted. But VM.create takes a VM that is suspended, with its image, the state of its domain and its CPU flags (same file, create),
 * and devices made for such a VM may be attached from the beginning (create in xapi_vbd.ml, xapi_vif.ml): it is what an import of a suspended
 * VM comes to, and how Xen Orchestra restores one. So the disks of a clone are handed to a VM that is made so.
 */
import { unfinishedCopy } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, type OtherConfig, readMemoryMark } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { destroyDisk, destroyVm } from '../destroy.ts'
import { memoryOf } from '../inspect-target.ts'
import type { PoolView } from '../pool-view.ts'
import { newReplica, settableBiosStrings } from '../replica-config.ts'
import { cloneMarked } from '../target-disk.ts'
import { type CopyRequest, copyVm, type MadeCopy, networkFor, removeCopy } from './copy-vm.ts'
import { holding } from './lock.ts'
import type { FailoverOptions } from './options.ts'

interface PointMemory {
  readonly ref: Ref<'VDI'>
  readonly record: RecordOf['VDI']
  readonly cpu: { readonly vendor: string; readonly features: string }
  readonly domain: string
}

/** Of the restore point; Failure NO_MEMORY_KEPT when it has none. */
export function memoryOfPoint(view: PoolView, point: RecordOf['VM']): PointMemory {
  const [ref, record] = memoryOf(view, point) ?? []
  const mark = record && readMemoryMark(record.other_config, record.uuid)
  const domain = record?.other_config[MARK.domain]
  if (ref === undefined || record === undefined || mark === undefined || domain === undefined) {
    throw new Failure('NO_MEMORY_KEPT', `"${point.name_label}" was made without the memory of its VM, or that is gone`)
  }
  return { ref, record, cpu: mark.cpu, domain }
}

/**
 * Suspended, without keys of the chain, its interfaces in place: `xe vm-resume` makes it go on. The chain is held meanwhile: until the VM is
 * there, a clone of the memory hangs on nothing, as a left-over does. On failure it is removed again.
 */
export function copyVmWithMemory(
  options: FailoverOptions,
  view: PoolView,
  chain: { readonly job: string; readonly vm: string; readonly sr: string },
  request: CopyRequest,
): Promise<MadeCopy> {
  const memory = memoryOfPoint(view, view.VM.get(request.of) as RecordOf['VM'])
  return holding(options, chain, 'chain', async (held) => {
    const { target, signal, id } = held
    // Its disks, without keys; its interfaces are made anew for the one that goes on.
    const halted = await copyVm(held, view, { ...request, vifs: [], name: unfinishedCopy('work', id) })
    let made: Ref<'VM'> | undefined
    let image: Ref<'VDI'> | undefined
    try {
      const record = await target.record('VM', halted.ref, { signal })
      image = await cloneMarked({ target, signal, ids: { run: id, schedule: chain.job, ...chain } }, memory.ref, memory.record)
      made = await createSuspended(held, record, memory, image)
      await target.call('VDI.set_other_config', [image, {}], { signal })
      await target.call('VDI.set_name_label', [image, 'Suspend image'], { signal })
      const bios = settableBiosStrings(record)
      if (Object.keys(bios).length > 0) await target.call('VM.set_bios_strings', [made, bios], { signal })
      await moveDrives(held, record, made)
      await makeVifs(held, view, record, made, request)
      await destroyVm(target, halted.ref, signal)
      const uuid = await target.call<string>('VM.get_uuid', [made], { signal })
      const config: OtherConfig = { ...record.other_config, [MARK.copy]: JSON.stringify({ ...request.mark, self: uuid }) }
      await target.call('VM.set_other_config', [made, config], { signal })
      await target.call('VM.set_name_label', [made, request.name], { signal })
      return { ref: made, uuid }
    } catch (error) {
      const late = AbortSignal.timeout(120_000)
      if (made !== undefined) await removeCopy(target, made, late).catch(() => undefined)
      if (image !== undefined) await destroyDisk(target, image, late).catch(() => undefined)
      await removeCopy(target, halted.ref, late).catch(() => undefined)
      throw error
    }
  })
}

async function createSuspended(
  { target, signal, id }: FailoverOptions,
  halted: RecordOf['VM'],
  { cpu, domain }: PointMemory,
  image: Ref<'VDI'>,
): Promise<Ref<'VM'>> {
  const record = {
    ...newReplica(halted, unfinishedCopy('work', id), halted.name_description, halted.other_config),
    tags: halted.tags,
    is_a_template: false,
    power_state: 'Suspended',
    suspend_VDI: image,
    last_booted_record: domain,
    last_boot_CPU_flags: cpu,
  }
  try {
    return await target.call<Ref<'VM'>>('VM.create', [record], { signal })
  } catch (error) {
    if (!(error instanceof XapiError) || error.code !== 'VM_BAD_POWER_STATE') throw error
    throw new Failure('NO_MEMORY_KEPT', 'the memory lacks what the pool needs to go on with it', undefined, error)
  }
}

/** One after the other, so that each hangs somewhere: a disk that nothing holds nobody would find. */
async function moveDrives({ target, signal }: FailoverOptions, from: RecordOf['VM'], to: Ref<'VM'>): Promise<void> {
  for (const ref of from.VBDs) {
    const { VDI, userdevice, bootable, mode, type, empty, unpluggable, other_config } = await target.record('VBD', ref, { signal })
    const drive = { VDI, userdevice, bootable, mode, type, empty, unpluggable, other_config }
    const made = { ...drive, VM: to, currently_attached: true, qos_algorithm_type: '', qos_algorithm_params: {} }
    await target.call('VBD.create', [made], { signal })
    await target.call('VBD.destroy', [ref], { signal })
  }
}

/** The guest finds those that it had, with the MACs that it had; one that is left disconnected is gone for it, as if it was unplugged. */
async function makeVifs(
  options: FailoverOptions,
  view: PoolView,
  from: RecordOf['VM'],
  to: Ref<'VM'>,
  { vifs, mark, of }: CopyRequest,
): Promise<void> {
  const { target, signal } = options
  const originals = (view.VM.get(of)?.VIFs ?? []).flatMap((ref) => view.VIF.get(ref) ?? [])
  for (const ref of from.VIFs) {
    const { device, MTU, other_config } = await target.record('VIF', ref, { signal })
    const plan = vifs.find((candidate) => candidate.device === device)
    const network = plan && (await networkFor(options, view, plan, mark))
    const mac = plan?.mac ?? originals.find((vif) => vif.device === device)?.MAC ?? ''
    if (network === undefined) continue
    const made = {
      device,
      network,
      VM: to,
      MAC: mac,
      MTU,
      other_config,
      currently_attached: true,
      qos_algorithm_type: '',
      qos_algorithm_params: {},
    }
    await target.call('VIF.create', [made], { signal })
  }
}
