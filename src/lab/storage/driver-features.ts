import { text } from '../classes/fields.ts'
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

/** SR_NO_PBDS when no host has the SR plugged (xen-api ocaml/xapi/sm.ml, assert_pbd_is_plugged). */
export function assertPlugged(db: Database, sr: Refstring): void {
  if (!isPlugged(db, sr)) throw new XapiFailure('SR_NO_PBDS', [sr])
}

export function isPlugged(db: Database, sr: Refstring): boolean {
  const row = db.find('SR', sr)
  return row !== undefined && (row.PBDs as readonly Refstring[]).some((pbd) => db.find('PBD', pbd)?.currently_attached === true)
}
