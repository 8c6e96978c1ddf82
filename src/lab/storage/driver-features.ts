import { text } from '../classes/fields.ts'
import { assertReachable, isAway } from '../hosts/away.ts'
import { type Database, type Refstring, XapiFailure } from '../pool.ts'

const COMMON = [
  'SR_PROBE',
  'SR_UPDATE',
  'VDI_CREATE',
  'VDI_DELETE',
  'VDI_ATTACH',
  'VDI_DETACH',
  'VDI_ACTIVATE',
  'VDI_DEACTIVATE',
  'VDI_CLONE',
  'VDI_SNAPSHOT',
  'VDI_RESIZE',
  'VDI_MIRROR',
  'ATOMIC_PAUSE',
  'VDI_CONFIG_CBT',
]
const MOUNTED = [...COMMON, 'VDI_GENERATE_CONFIG', 'VDI_UPDATE', 'VDI_RESET_ON_BOOT', 'VDI_READ_CACHING', 'THIN_PROVISIONING']
const VOLUMES = [...COMMON, 'SR_TRIM', 'VDI_UPDATE', 'VDI_RESET_ON_BOOT']

/** Capabilities of the drivers (CAPABILITIES in sm libs/sm/drivers/*.py); they decide what `allowed_operations` lists. */
const BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  file: [...COMMON, 'VDI_GENERATE_CONFIG', 'THIN_PROVISIONING'],
  ext: [...MOUNTED, 'SR_SUPPORTS_LOCAL_CACHING'],
  nfs: [...MOUNTED, 'SR_CACHING'],
  smb: [...MOUNTED, 'SR_CACHING'],
  lvm: VOLUMES,
  lvmoiscsi: [...VOLUMES, 'SR_METADATA', 'SR_CACHING', 'VDI_GENERATE_CONFIG'],
  lvmohba: [...VOLUMES, 'SR_METADATA', 'SR_CACHING', 'VDI_GENERATE_CONFIG'],
  // XOSTOR: no change tracking (xcp-ng/sm drivers/LinstorSR.py).
  linstor: [...COMMON.filter((feature) => feature !== 'VDI_CONFIG_CBT' && feature !== 'SR_PROBE'), 'VDI_UPDATE', 'VDI_GENERATE_CONFIG'],
  // A LUN for each disk: no snapshots, no clones, no growing (sm drivers/RawISCSISR.py).
  iscsi: ['SR_PROBE', 'VDI_CREATE', 'VDI_DELETE', 'VDI_ATTACH', 'VDI_DETACH', 'VDI_INTRODUCE'],
  iso: ['VDI_CREATE', 'VDI_DELETE', 'VDI_ATTACH', 'VDI_DETACH', 'SR_SCAN', 'SR_ATTACH', 'SR_DETACH'],
  udev: ['VDI_INTRODUCE', 'VDI_ATTACH', 'VDI_DETACH', 'VDI_UPDATE', 'SR_UPDATE'],
}

const KNOWN = new Map(Object.entries(BY_TYPE).map(([type, features]) => [type, new Set(features)]))

/** Types of SR that can be made. */
export const knownTypes: readonly string[] = Object.keys(BY_TYPE)

/** SR types whose disks take their whole size at once. */
export const THICK_TYPES: ReadonlySet<string> = new Set(['lvm', 'lvmoiscsi', 'lvmohba', 'lvmofcoe'])

/** SR types whose disks are images of ours. */
export function keepsImages(type: string): boolean {
  return type !== 'iso' && type !== 'udev'
}

/** Capabilities of a driver as it lists them. */
export function driverFeatures(type: string): readonly string[] {
  return BY_TYPE[type] ?? []
}

/** What the SR's driver can do: of a driver not known here, what its SM object says. */
export function featuresOf(db: Database, sr: Refstring): ReadonlySet<string> {
  const type = text(db.get('SR', sr), 'type')
  const known = KNOWN.get(type)
  if (known) return known
  const driver = db.refs('SM').find((ref) => text(db.get('SM', ref), 'type') === type)
  return new Set(driver === undefined ? COMMON : Object.keys((db.get('SM', driver).features ?? {}) as Record<string, number>))
}

export function assertFeature(db: Database, sr: Refstring, feature: string): void {
  if (!featuresOf(db, sr).has(feature)) throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [sr])
}

/**
 * SR_NO_PBDS when no host has the SR plugged (xen-api ocaml/xapi/sm.ml, assert_pbd_is_plugged); SR_NOT_ATTACHED when the host asked for
 * has not. Work on an SR is done by a host that has it, so that one whose hosts are all away fails as they do.
 */
export function assertPlugged(db: Database, sr: Refstring, host?: Refstring): void {
  const hosts = pluggedHosts(db, sr)
  if (hosts.length === 0) throw new XapiFailure('SR_NO_PBDS', [sr])
  if (host !== undefined && !hosts.includes(host)) throw new XapiFailure('SR_NOT_ATTACHED', [sr])
  const away = hosts.filter((ref) => isAway(db, ref))
  if (away.length === hosts.length) assertReachable(db, hosts[0] as Refstring)
}

export function isPlugged(db: Database, sr: Refstring): boolean {
  return pluggedHosts(db, sr).length > 0
}

function pluggedHosts(db: Database, sr: Refstring): Refstring[] {
  const pbds = (db.find('SR', sr)?.PBDs ?? []) as readonly Refstring[]
  return pbds.flatMap((ref) => {
    const pbd = db.find('PBD', ref)
    return pbd?.currently_attached === true ? [pbd.host as Refstring] : []
  })
}
