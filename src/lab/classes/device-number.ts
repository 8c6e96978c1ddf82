/**
 * Names of virtual block devices: a number, or a Linux name (`xvda`, `hdb`, `sdc1`, `fda`, `d5p1`). Two names may mean one device, and
 * a number below 4 means an emulated IDE disk to a VM with device emulation (ocaml/xapi-idl/xen/device_number.ml).
 */

export interface DeviceNumber {
  readonly bus: 'xen' | 'scsi' | 'floppy' | 'ide'
  readonly disk: number
  readonly partition: number
}

const XEN_DISKS = 2 ** 20

/** The device a name stands for; undefined when it is none. `emulated`: numbers below 4 are IDE disks. */
export function parseDevice(name: string, emulated: boolean): DeviceNumber | undefined {
  if (/^[0-9]{1,9}$/.test(name)) {
    const disk = Number(name)
    if (disk >= XEN_DISKS) return undefined
    return { bus: emulated && disk < 4 ? 'ide' : 'xen', disk, partition: 0 }
  }
  const numbered = /^d([0-9]{1,9})(?:p([0-9]{1,9}))?$/.exec(name)
  if (numbered) return { bus: 'xen', disk: Number(numbered[1]), partition: Number(numbered[2] ?? 0) }
  const lettered = /^(xvd|sd|fd|hd)([a-z]{1,5})([0-9]{1,9})?$/.exec(name)
  if (!lettered) return undefined
  const buses = { xvd: 'xen', sd: 'scsi', fd: 'floppy', hd: 'ide' } as const
  const bus = buses[lettered[1] as keyof typeof buses]
  return { bus, disk: fromLetters(lettered[2] as string), partition: Number(lettered[3] ?? 0) }
}

/** Every device a name may stand for, as comparable text. */
export function possibleDevices(name: string): string[] {
  const found = [parseDevice(name, true), parseDevice(name, false)]
  return found.flatMap((device) => (device ? [`${device.bus}/${device.disk}/${device.partition}`] : []))
}

/** The name under which a guest sees a disk: `xvda` for number 0. */
export function linuxName(userdevice: string): string {
  const device = parseDevice(userdevice, false)
  if (!device) return userdevice
  const prefix = { xen: 'xvd', scsi: 'sd', floppy: 'fd', ide: 'xvd' }[device.bus]
  return `${prefix}${toLetters(device.disk)}${device.partition === 0 ? '' : device.partition}`
}

/** Disk numbers of 0…254 that no name in `used` means, ascending, as text. */
export function freeDiskNumbers(used: readonly string[], emulated: boolean): string[] {
  const taken = new Set(used.flatMap(possibleDevices))
  const free: string[] = []
  for (let disk = 0; disk <= 254; disk++) {
    const bus = emulated && disk < 4 ? 'ide' : 'xen'
    if (!taken.has(`${bus}/${disk}/0`)) free.push(String(disk))
  }
  return free
}

function toLetters(disk: number): string {
  const high = Math.floor(disk / 26) - 1
  return (high < 0 ? '' : toLetters(high)) + String.fromCharCode(97 + (disk % 26))
}

function fromLetters(letters: string): number {
  let disk = 0
  for (const letter of letters) disk = disk * 26 + letter.charCodeAt(0) - 96
  return disk - 1
}
