import { isNullRef } from '../classes/fields.ts'
import { type LabPool, type Refstring, type Row, XapiFailure } from '../pool.ts'
import type { ArchiveObject } from './ova-xml.ts'

export interface ImportOptions {
  /** The SR for all disks; undefined: only records come, and their disks are there already. */
  readonly sr: Refstring | undefined
  /** Keep uuids of VMs and devices, MAC addresses and their seed. */
  readonly restore: boolean
  /** Pass over checksums that don't fit, and leave what was made when something fails. */
  readonly force: boolean
}

/** What an import has made so far. */
export interface ImportState {
  readonly pool: LabPool
  readonly options: ImportOptions
  readonly task: Refstring
  readonly objects: readonly ArchiveObject[]
  /** Name in the archive → reference in this pool. */
  readonly table: Map<string, Refstring>
  readonly vms: Refstring[]
  /** How to take back what was made, oldest first. */
  readonly undo: (() => Promise<unknown> | unknown)[]
}

/** The record of an object of the archive; IMPORT_ERROR_FAILED_TO_FIND_OBJECT [id]. */
export function inArchive(state: Pick<ImportState, 'objects'>, id: string): Row {
  const found = state.objects.find((object) => object.id === id)
  if (!found) throw new XapiFailure('IMPORT_ERROR_FAILED_TO_FIND_OBJECT', [id])
  return found.record
}

/** What an object of the archive became here; IMPORT_ERROR_FAILED_TO_FIND_OBJECT [id]. */
export function imported(state: ImportState, id: string): Refstring {
  const found = state.table.get(id)
  if (found === undefined || isNullRef(found)) throw new XapiFailure('IMPORT_ERROR_FAILED_TO_FIND_OBJECT', [id])
  return found
}

/** Takes everything back, newest first. What can't be taken back stays; XAPI goes on as well (cleanup in importexport.ml). */
export async function takeBack({ undo, pool }: Pick<ImportState, 'undo' | 'pool'>): Promise<void> {
  for (const step of undo.splice(0).reverse()) {
    try {
      await step()
    } catch {}
  }
  pool.db.commit()
}
