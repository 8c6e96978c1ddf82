import type { BulkHandler } from '../http/bulk-routes.ts'
import { exportMetadata } from '../xva/export-metadata.ts'
import { exportVm } from '../xva/export-vm.ts'
import { importMetadata, importVm } from '../xva/import-vm.ts'
import { exportRawVdi } from './export-raw-vdi.ts'
import { importRawVdi } from './import-raw-vdi.ts'

/** What a simulated pool serves of disks and VMs over HTTP. */
export const bulkHandlers: readonly BulkHandler[] = [exportRawVdi, importRawVdi, exportVm, exportMetadata, importVm, importMetadata]
