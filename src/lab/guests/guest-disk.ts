/**
 * Which disk a guest means, and whether it may write to it. A guest writes through its VBD: the VM has to run, and the VBD
 * has to be plugged and not read-only.
 */
import { isAway } from '../hosts/away.ts'
import type { Disk, LabPool, Refstring, Row } from '../pool.ts'

export interface GuestDisk {
  readonly vm: Refstring
  readonly vbd: Refstring
  readonly vdi: Refstring
}

/** What a guest can't do, and why; `kind` tells a disk that isn't there from one that isn't writable now and from a place outside of it. */
export class GuestError extends Error {
  override readonly name = 'GuestError'
  readonly kind: 'no-such-disk' | 'bad-request' | 'not-writable'
  constructor(kind: 'no-such-disk' | 'bad-request' | 'not-writable', message: string) {
    super(message)
    this.kind = kind
  }
}

/** How a caller names a disk: the VDI's uuid, or the VM's and the position (default: the VM's first disk). */
export type DiskName = { readonly vdi: string } | { readonly vm: string; readonly userdevice?: string }

/** Whether the row is a VM that people work with: no snapshot, no template, not the control domain. */
export function isPlainVm(vm: Row): boolean {
  return vm.is_a_snapshot !== true && vm.is_a_template !== true && vm.is_control_domain !== true
}

/** The disks (not the CD drives) of a VM by position, as numbers order them. */
export function disksOf(pool: LabPool, vm: Refstring): (GuestDisk & { readonly userdevice: string })[] {
  const vbds = (pool.db.get('VM', vm).VBDs ?? []) as readonly Refstring[]
  return vbds
    .map((vbd) => ({ vbd, row: pool.db.get('VBD', vbd) }))
    .filter(({ row }) => row.type === 'Disk' && pool.db.find('VDI', row.VDI as Refstring) !== undefined)
    .map(({ vbd, row }) => ({ vm, vbd, vdi: row.VDI as Refstring, userdevice: String(row.userdevice) }))
    .sort((a, b) => a.userdevice.localeCompare(b.userdevice, 'en', { numeric: true }))
}

/** The disk that is meant. GuestError `no-such-disk` when there is none. A VDI on several VMs means the one that runs. */
export function findGuestDisk(pool: LabPool, name: DiskName): GuestDisk {
  if ('vm' in name) {
    const vm = pool.db.byUuid('VM', name.vm)
    if (vm === undefined) throw new GuestError('no-such-disk', `there is no VM ${name.vm}`)
    const disks = disksOf(pool, vm)
    const disk = name.userdevice === undefined ? disks[0] : disks.find(({ userdevice }) => userdevice === name.userdevice)
    if (!disk)
      throw new GuestError(
        'no-such-disk',
        `VM ${name.vm} has no disk${name.userdevice === undefined ? '' : ` at position ${name.userdevice}`}`,
      )
    return disk
  }
  const vdi = pool.db.byUuid('VDI', name.vdi)
  if (vdi === undefined) throw new GuestError('no-such-disk', `there is no VDI ${name.vdi}`)
  const owners = ((pool.db.get('VDI', vdi).VBDs ?? []) as readonly Refstring[])
    .map((vbd) => ({ vbd, vdi, vm: pool.db.get('VBD', vbd).VM as Refstring }))
    .filter(({ vm }) => isPlainVm(pool.db.find('VM', vm) ?? { is_a_template: true }))
  const disk = owners.find((owner) => refusal(pool, owner) === undefined) ?? owners[0]
  if (!disk) throw new GuestError('no-such-disk', `VDI ${name.vdi} belongs to no VM, so that no guest can write to it`)
  return disk
}

/** Why the guest can't use its disk just now; undefined: it can. */
export function refusal(pool: LabPool, disk: GuestDisk, purpose: 'read' | 'write' = 'write'): string | undefined {
  const vm = pool.db.find('VM', disk.vm)
  const vbd = pool.db.find('VBD', disk.vbd)
  if (!vm || !vbd || vbd.VDI !== disk.vdi) return 'the VM no longer has this disk'
  if (vm.power_state !== 'Running') return `VM ${vm.uuid} (${vm.name_label}) does not run: it is ${vm.power_state}`
  if (isAway(pool.db, vm.resident_on as Refstring)) return `VM ${vm.uuid} (${vm.name_label}) does not run: its host is away`
  if (vbd.currently_attached !== true) return `disk ${vbd.userdevice} of VM ${vm.uuid} is not plugged`
  if (purpose === 'write' && vbd.mode !== 'RW') return `disk ${vbd.userdevice} of VM ${vm.uuid} is read-only`
  return undefined
}

/** The disk's bytes for writing, as of now: ask again for every piece, since VMs stop. GuestError `not-writable`. */
export function writableDisk(pool: LabPool, disk: GuestDisk): Disk {
  const why = refusal(pool, disk)
  if (why !== undefined) throw new GuestError('not-writable', why)
  return pool.storage.disk(disk.vdi)
}
