/** The storage drivers that a pool knows. */
import type { Database } from './pool.ts'
import { driverFeatures } from './storage/driver-features.ts'
import { formatsOfType } from './storage/image-formats.ts'

/** Names of the drivers: DRIVER_INFO in the drivers of xapi-project/sm and xcp-ng/sm. */
const DRIVERS = [
  ['file', 'Local Path VHD'],
  ['ext', 'Local EXT4 VHD and QCOW2'],
  ['nfs', 'NFS VHD and QCOW2'],
  ['smb', 'SMB'],
  ['lvm', 'Local VHD and QCOW2 on LVM'],
  ['lvmoiscsi', 'VHD and QCOW2 over iSCSI'],
  ['lvmohba', 'VHD and QCOW2 over HBA'],
  ['linstor', 'LINSTOR resources on XCP-ng'],
  ['iscsi', 'iSCSI'],
  ['iso', 'ISO'],
] as const

/** Their SM objects; those that a pool of an earlier start lacks are added. */
export function createStorageDrivers(db: Database): void {
  const known = new Map(db.refs('SM').map((ref) => [db.get('SM', ref).type as string, ref]))
  for (const [type, label] of DRIVERS) {
    const features = driverFeatures(type)
    const record = {
      name_label: label,
      name_description: `SR plugin which handles disks of type ${type}`,
      type,
      vendor: 'Understudy lab',
      version: '3.0',
      required_api_version: '1.0',
      capabilities: features,
      features: Object.fromEntries(features.map((feature) => [feature, feature === 'VDI_RESET_ON_BOOT' ? 2 : 1])),
      supported_image_formats: formatsOfType(type),
    }
    const ref = known.get(type)
    if (ref === undefined) db.create('SM', record)
    else db.update('SM', ref, record)
  }
}
