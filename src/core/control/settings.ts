/** Settings of the server as a whole. */
import type { Timestamp } from './job.ts'

/** No run begins inside; what runs goes on. */
export interface MaintenanceWindow {
  readonly id: string
  readonly name: string
  /** null: everything */
  readonly job: string | null
  readonly pool: string | null
  readonly from: Timestamp
  readonly until: Timestamp
}

export interface ServerSettings {
  /** VM runs at once that read from or write to a pool; per pool id in `pools`. */
  readonly vmRunsPerPool: number
  readonly vmRunsPerSr: number
  readonly vmRunsAtOnce: number
  readonly keepRunsDays: number
  /** Plans, reports and log lines of VM runs that succeeded; what went wrong keeps them as long as its run. */
  readonly keepDetailsDays: number
  readonly keepAuditDays: number
  /** `HH:MM` of local time, null: no daily report. */
  readonly dailyReportAt: string | null
  readonly maintenance: readonly MaintenanceWindow[]
}

export const DEFAULT_SERVER_SETTINGS: ServerSettings = {
  vmRunsPerPool: 4,
  vmRunsPerSr: 4,
  vmRunsAtOnce: 8,
  keepRunsDays: 30,
  keepDetailsDays: 14,
  keepAuditDays: 365,
  dailyReportAt: null,
  maintenance: [],
}
