/** How much of a disk is allocated, from what its storage tells of the images of its chain. */
import type { SourceDisk } from '../core/observation.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import { findByUuid, type PoolView } from './pool-view.ts'

/** Longest chain followed. */
const MOST_IMAGES = 64

/**
 * The largest image of the chain holds at least what the disk holds (less its tables, some 0.4 %), all of them together at most. Volumes of
 * thick storage, which tell their driver's type in `sm_config`, say what they hold only where they are base copies.
 */
export function allocatedOf(view: PoolView, disk: RecordOf['VDI']): SourceDisk['allocated'] {
  let least = 0
  let most = 0
  let image: RecordOf['VDI'] | undefined = disk
  for (let depth = 0; image !== undefined && depth < MOST_IMAGES; depth++) {
    const used = Math.max(0, image.physical_utilisation)
    const full = 'vdi_type' in image.sm_config && image.managed
    if (!full) least = Math.max(least, used * 0.99 - 16 * 2 ** 20)
    most += used
    const parent: string | undefined = image.sm_config['vhd-parent']
    image = parent === undefined ? undefined : findByUuid(view.VDI, parent)?.[1]
  }
  return { least: Math.max(0, Math.floor(least)), most: Math.min(most, disk.virtual_size) }
}
