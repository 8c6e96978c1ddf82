/**
 * Which image formats an SR keeps, and which one a new disk gets. Upstream's drivers know VHD only; XCP-ng's keep qcow2 beside it in most
 * SRs since May 2026: the format is a disk's, told in `sm_config`, and the PBD's `preferred-image-formats` says which comes first
 * (xcp-ng/sm drivers/SR.py, FileSR.py, qcow2util.py; docs.xcp-ng.org, QCOW2 FAQ).
 */
import { map, text } from '../classes/fields.ts'
import type { Database, Refstring } from '../pool.ts'
import { backendFailure } from './failures.ts'

/** `raw`: a LUN for each disk, without snapshots. */
export type ImageFormat = 'vhd' | 'qcow2' | 'raw'

/** Types whose drivers keep both; SMB and LINSTOR keep VHDs only. */
const WITH_QCOW2: ReadonlySet<string> = new Set(['ext', 'nfs', 'lvm', 'lvmoiscsi', 'lvmohba'])
const WITHOUT_IMAGES: ReadonlySet<string> = new Set(['iscsi'])

/** Formats of an SR, the preferred one first. */
export function formatsOf(db: Database, sr: Refstring): readonly ImageFormat[] {
  const row = db.get('SR', sr)
  const type = text(row, 'type')
  if (WITHOUT_IMAGES.has(type)) return ['raw']
  if (!WITH_QCOW2.has(type)) return ['vhd']
  const config = (row.PBDs as readonly Refstring[]).map((pbd) => map(db.get('PBD', pbd), 'device_config')['preferred-image-formats'])
  const preferred = config.find((value) => value !== undefined) ?? 'vhd,qcow2'
  const known = preferred.split(',').filter((name): name is 'vhd' | 'qcow2' => name === 'vhd' || name === 'qcow2')
  return known.length > 0 ? known : ['vhd', 'qcow2']
}

/** Formats that a driver can keep, as its SM object tells. */
export function formatsOfType(type: string): readonly string[] {
  if (type === 'iso' || type === 'udev') return []
  if (WITHOUT_IMAGES.has(type)) return ['raw']
  return WITH_QCOW2.has(type) ? ['vhd', 'qcow2'] : ['vhd']
}

/** Whether the driver tells the format of a new disk in its `sm_config`. */
export const tellsFormat = (type: string): boolean => WITH_QCOW2.has(type)

const GiB = 2 ** 30
/** Largest disks: 2040 GiB of a VHD (sm libs/sm/vhdutil.py), 16 TiB of a qcow2 image (xcp-ng/sm drivers/qcow2util.py). */
export const LARGEST: Readonly<Record<ImageFormat, number>> = { vhd: 2040 * GiB, qcow2: 16_384 * GiB, raw: 16_384 * GiB }

/**
 * The format of a disk to be made: what its `sm_config` asks for, else the SR's first that can hold the size, else its first.
 * SR_BACKEND_FAILURE_66 for a format that the SR does not keep.
 */
export function formatFor(db: Database, sr: Refstring, size: number, asked: string | undefined): ImageFormat {
  const formats = formatsOf(db, sr)
  if (asked !== undefined && tellsFormat(text(db.get('SR', sr), 'type'))) {
    const found = formats.find((format) => format === asked)
    if (found === undefined) throw backendFailure(66, 'Incorrect VDI type', `image format ${asked} is not one of ${formats.join(', ')}`)
    return found
  }
  return formats.find((format) => size <= LARGEST[format]) ?? (formats[0] as ImageFormat)
}
