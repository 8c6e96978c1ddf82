/** What the target's storage repository can't do, by its driver. Asked only where there is doubt: a run with nothing to send makes few calls. */
import type { TargetFacts } from '../core/observation.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { LARGEST_VHD } from './qcow2-source.ts'

/** Largest qcow2 image that XCP-ng's storage makes (MAX_QCOW_SIZE in xcp-ng/sm drivers/qcow2util.py). */
const LARGEST_QCOW2 = 16 * 2 ** 40

type Limits = Pick<TargetFacts['sr'], 'largestDisk' | 'canSnapshot'>

/** @param largest size of the largest disk that is to be kept there */
export async function storageLimits(xapi: Xapi, sr: RecordOf['SR'], largest: number, signal: AbortSignal): Promise<Limits> {
  // The list is empty while an operation is under way: then its lacking something means nothing.
  if (largest <= LARGEST_VHD && sr.allowed_operations.includes('vdi_snapshot')) return {}
  const [drivers, pbds] = await Promise.all([
    xapi.records('SM', { signal }),
    largest > LARGEST_VHD ? xapi.records('PBD', { signal }) : undefined,
  ])
  const driver = [...drivers.values()].find(({ type }) => type === sr.type)
  if (driver === undefined) return {}
  const config = sr.PBDs.map((ref) => pbds?.get(ref)?.device_config['preferred-image-formats']).find((value) => value !== undefined)
  return {
    canSnapshot: 'VDI_SNAPSHOT' in driver.features,
    largestDisk: pbds === undefined ? undefined : largestDisk(driver, config),
  }
}

/** Older XAPI tells no formats, and then nothing is known. */
function largestDisk(driver: RecordOf['SM'], preferred: string | undefined): number | undefined {
  const formats: readonly string[] = preferred?.split(',').map((name) => name.trim()) ?? driver.supported_image_formats ?? []
  if (formats.includes('qcow2')) return LARGEST_QCOW2
  return formats.length > 0 && formats.every((format) => format === 'vhd') ? LARGEST_VHD : undefined
}
