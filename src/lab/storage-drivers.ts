/** The storage drivers that a pool knows. */
import type { Database } from './pool.ts'

const VHD_FEATURES = [
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
  'VDI_RESIZE_ONLINE',
  'VDI_UPDATE',
  'VDI_MIRROR',
  'VDI_GENERATE_CONFIG',
  'VDI_CONFIG_CBT',
  'VDI_RESET_ON_BOOT',
  'ATOMIC_PAUSE',
]

/** Their SM objects, in an empty database. */
export function createStorageDrivers(db: Database): void {
  const kinds = [
    ['file', 'Local Path VHD', VHD_FEATURES],
    ['ext', 'Local EXT3 VHD', VHD_FEATURES],
    ['nfs', 'NFS VHD', VHD_FEATURES],
    ['iso', 'ISO', ['SR_PROBE', 'VDI_ATTACH', 'VDI_DETACH', 'VDI_ACTIVATE', 'VDI_DEACTIVATE']],
  ] as const
  for (const [type, label, features] of kinds) {
    db.create('SM', {
      name_label: label,
      name_description: `SR plugin which handles disks of type ${type}`,
      type,
      vendor: 'Understudy lab',
      version: '3.0',
      required_api_version: '1.0',
      capabilities: features,
      features: Object.fromEntries(features.map((feature) => [feature, feature === 'VDI_RESET_ON_BOOT' ? 2 : 1])),
      supported_image_formats: type === 'iso' ? [] : ['vhd'],
    })
  }
}
