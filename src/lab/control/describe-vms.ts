import { disksOf, isPlainVm } from '../guests/guest-disk.ts'
import type { LabPool } from '../pool.ts'

/** A VM as the lab tells of it, on its start and on its control address. */
export interface DescribedVm {
  readonly uuid: string
  readonly name: string
  readonly power_state: string
  readonly disks: readonly {
    readonly userdevice: string
    /** The VDI's uuid. */
    readonly vdi: string
    /** Bytes. */
    readonly size: number
    /** NBD URI through which the guest's side of the disk is read and written. */
    readonly guest_nbd: string
  }[]
}

/** The pool's VMs (no snapshots, templates, control domain) by name. */
export function describeVms(pool: LabPool, guestUri: (vm: string, userdevice: string) => string): DescribedVm[] {
  return pool.db
    .refs('VM')
    .map((ref) => ({ ref, row: pool.db.get('VM', ref) }))
    .filter(({ row }) => isPlainVm(row))
    .map(({ ref, row }) => ({
      uuid: row.uuid as string,
      name: row.name_label as string,
      power_state: row.power_state as string,
      disks: disksOf(pool, ref).map(({ vdi, userdevice }) => {
        const disk = pool.db.get('VDI', vdi)
        const size = disk.virtual_size as number
        return { userdevice, vdi: disk.uuid as string, size, guest_nbd: guestUri(row.uuid as string, userdevice) }
      }),
    }))
    .sort((a, b) => a.name.localeCompare(b.name) || a.uuid.localeCompare(b.uuid))
}
