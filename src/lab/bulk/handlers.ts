import type { BulkHandler } from '../http/bulk-routes.ts'
import { exportRawVdi } from './export-raw-vdi.ts'
import { importRawVdi } from './import-raw-vdi.ts'

/** What a simulated pool serves of disks over HTTP. */
export const bulkHandlers: readonly BulkHandler[] = [exportRawVdi, importRawVdi]
