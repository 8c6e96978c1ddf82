import { randomBytes } from 'node:crypto'
import { setGuest } from '../classes/guest-tools.ts'
import type { DiskImage } from '../image/image.ts'
import type { Disk, LabPool, Refstring, Row } from '../pool.ts'
import type { DiskContent, DiskFiller } from './disk-content.ts'

const MiB = 1024 * 1024

export interface NewDisk {
  readonly name: string
  readonly sr: Refstring
  /** Bytes; the SR rounds up to 2 MiB. */
  readonly size: number
  readonly content: DiskContent | DiskImage
}

export interface NewVm {
  readonly name: string
  readonly description: string
  readonly disks: readonly NewDisk[]
  /** Whether the guest has tools: drivers, an address, a clean shutdown. */
  readonly tools: boolean
  readonly start: boolean
  readonly tags: readonly string[]
  /** Bytes of memory. */
  readonly memory: number
  readonly vcpus: number
  /** A drive without a disc. */
  readonly cd: boolean
  readonly networks: readonly Refstring[]
  readonly otherConfig: Readonly<Record<string, string>>
}

export interface MakeVmOptions {
  /** Told the fraction that is done of reading images. */
  readonly progress?: (fraction: number) => void
  readonly signal?: AbortSignal
}

/**
 * Makes a VM with its disks, as an administrator's client would (the same messages), and fills the disks. When something
 * fails everything is taken back and the error passed on.
 */
export async function makeVm(
  pool: LabPool,
  filler: DiskFiller,
  want: NewVm,
  { progress = () => {}, signal }: MakeVmOptions = {},
): Promise<Refstring> {
  const vdis: Refstring[] = []
  let vm: Refstring | undefined
  try {
    for (const [index, disk] of want.disks.entries()) {
      const vdi = await createVdi(pool, disk)
      vdis.push(vdi)
      const done = (fraction: number) => {
        signal?.throwIfAborted()
        progress((index + fraction) / want.disks.length)
      }
      await fillDisk(pool.storage.disk(vdi), filler, disk.content, done)
    }
    vm = (await pool.invoke('VM.create', vmRecord(want))) as Refstring
    for (const [index, vdi] of vdis.entries()) await pool.invoke('VBD.create', vbdRecord(vm, vdi, index))
    if (want.cd) await pool.invoke('VBD.create', cdRecord(vm))
    for (const [index, network] of want.networks.entries()) await pool.invoke('VIF.create', vifRecord(vm, network, index))
    setGuest(pool, vm, { tools: want.tools, ...(want.tools ? { osName: 'Debian GNU/Linux 12 (bookworm)' } : {}) })
    pool.db.commit()
    if (want.start) await pool.invoke('VM.start', vm, false, false)
    pool.db.commit()
    return vm
  } catch (error) {
    if (vm !== undefined) await pool.invoke('VM.destroy', vm)
    for (const vdi of vdis) await pool.invoke('VDI.destroy', vdi)
    pool.db.commit()
    throw error
  }
}

async function createVdi(pool: LabPool, { name, sr, size }: NewDisk): Promise<Refstring> {
  const record: Row = {
    name_label: name,
    name_description: '',
    SR: sr,
    virtual_size: size,
    type: 'user',
    sharable: false,
    read_only: false,
    other_config: {},
  }
  return (await pool.invoke('VDI.create', record)) as Refstring
}

async function fillDisk(disk: Disk, filler: DiskFiller, content: DiskContent | DiskImage, done: (fraction: number) => void): Promise<void> {
  if ('kind' in content) return filler.fill(disk, content)
  for await (const { offset, data } of content.blocks()) {
    for (let at = 0; at < data.length; at += MiB) disk.write(offset + at, data.subarray(at, at + MiB))
    done(offset / content.size)
  }
  done(1)
}

function vmRecord(want: NewVm): Row {
  const { memory, vcpus } = want
  return {
    name_label: want.name,
    name_description: want.description,
    tags: want.tags,
    user_version: 1,
    is_a_template: false,
    affinity: 'OpaqueRef:NULL',
    memory_static_max: memory,
    memory_dynamic_max: memory,
    memory_dynamic_min: memory,
    memory_static_min: Math.min(memory, 128 * MiB),
    VCPUs_params: {},
    VCPUs_max: vcpus,
    VCPUs_at_startup: vcpus,
    actions_after_shutdown: 'destroy',
    actions_after_reboot: 'restart',
    actions_after_crash: 'restart',
    PV_bootloader: '',
    PV_kernel: '',
    PV_ramdisk: '',
    PV_args: '',
    PV_bootloader_args: '',
    PV_legacy_args: '',
    HVM_boot_policy: 'BIOS order',
    HVM_boot_params: { order: 'cdn', firmware: 'bios' },
    platform: { acpi: '1', apic: 'true', nx: 'true', pae: 'true', vga: 'std', videoram: '8', viridian: 'false' },
    PCI_bus: '',
    other_config: want.otherConfig,
    recommendations: '',
    has_vendor_device: false,
  }
}

/** Disks stand at 0, 1, 2, 4, 5…: clients expect the drive at 3. */
function vbdRecord(vm: Refstring, vdi: Refstring, index: number): Row {
  return {
    ...{
      VM: vm,
      VDI: vdi,
      userdevice: String(index < 3 ? index : index + 1),
      bootable: index === 0,
      mode: 'RW',
      type: 'Disk',
      empty: false,
    },
    ...{ unpluggable: true, other_config: { owner: '' }, qos_algorithm_type: '', qos_algorithm_params: {} },
  }
}

function cdRecord(vm: Refstring): Row {
  return {
    ...{ VM: vm, VDI: 'OpaqueRef:NULL', userdevice: '3', bootable: true, mode: 'RO', type: 'CD', empty: true },
    ...{ unpluggable: true, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} },
  }
}

function vifRecord(vm: Refstring, network: Refstring, index: number): Row {
  return {
    ...{ VM: vm, network, device: String(index), MAC: randomMac(), MTU: 1500 },
    ...{ other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} },
  }
}

/** A locally administered address that belongs to one machine. */
function randomMac(): string {
  const bytes = randomBytes(6)
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}
