import type { Insertable, Selectable } from 'kysely'
import type { Target, Timestamp } from '../../core/control/job.ts'
import type { RunFailure } from '../../core/control/run-record.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, fromTimestampOrNull, toTimestamp, toTimestampOrNull } from '../timestamps.ts'

/** What one chain (job, VM, target) achieved: what `judgeProtection` decides on. */
export interface StoredProtection {
  readonly job: string
  readonly sourcePool: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly target: Target
  /** As judged last, so that a change is told once. */
  readonly state: string
  readonly point: { readonly uuid: string; readonly takenAt: Timestamp } | null
  readonly replica: string | null
  /** Since when the job chooses the VM. */
  readonly firstSeenAt: Timestamp
  readonly lastRun: { readonly vmRun: string; readonly state: string; readonly endedAt: Timestamp | null } | null
  readonly lastError: RunFailure | null
}

export function protectionOfRow(row: Selectable<Tables['protections']>): StoredProtection {
  const { point_uuid: point, point_taken_at: takenAt, last_vm_run: vmRun, last_state: state } = row
  return {
    job: row.job_id,
    sourcePool: row.source_pool,
    vm: { uuid: row.vm_uuid, name: row.vm_name },
    target: { pool: row.target_pool, sr: row.target_sr },
    state: row.state,
    point: point === null || takenAt === null ? null : { uuid: point, takenAt: toTimestamp(takenAt) },
    replica: row.replica_uuid,
    firstSeenAt: toTimestamp(row.first_seen_at),
    lastRun: vmRun === null || state === null ? null : { vmRun, state, endedAt: toTimestampOrNull(row.last_ended_at) },
    lastError: row.last_error === null ? null : JSON.parse(row.last_error),
  }
}

export function rowOfProtection(protection: StoredProtection): Insertable<Tables['protections']> {
  return {
    job_id: protection.job,
    source_pool: protection.sourcePool,
    vm_uuid: protection.vm.uuid,
    vm_name: protection.vm.name,
    target_pool: protection.target.pool,
    target_sr: protection.target.sr,
    state: protection.state,
    point_uuid: protection.point?.uuid ?? null,
    point_taken_at: fromTimestampOrNull(protection.point?.takenAt ?? null),
    replica_uuid: protection.replica,
    first_seen_at: fromTimestamp(protection.firstSeenAt),
    last_vm_run: protection.lastRun?.vmRun ?? null,
    last_state: protection.lastRun?.state ?? null,
    last_ended_at: fromTimestampOrNull(protection.lastRun?.endedAt ?? null),
    last_error: protection.lastError === null ? null : JSON.stringify(protection.lastError),
  }
}
