import type { Insertable, Selectable } from 'kysely'
import type { VmRun, VmRunState } from '../../core/control/run-record.ts'
import type { RunStage } from '../../core/report.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, fromTimestampOrNull, toTimestamp, toTimestampOrNull } from '../timestamps.ts'

/** Without plan and report, which are fetched one at a time. */
export type VmRunRow = Omit<Selectable<Tables['vm_runs']>, 'plan' | 'report'>

export const VM_RUN_COLUMNS = [
  'id',
  'run_id',
  'job_id',
  'schedule_id',
  'source_pool',
  'vm_uuid',
  'vm_name',
  'target_pool',
  'target_sr',
  'state',
  'stage',
  'run_queued_at',
  'queued_at',
  'started_at',
  'ended_at',
  'detail',
] as const satisfies readonly (keyof VmRunRow)[]

type Detail = Pick<VmRun, 'waitingFor' | 'attempt' | 'disks' | 'error' | 'warnings' | 'restorePoint' | 'replica'>

export function vmRunOfRow(row: VmRunRow): VmRun {
  return {
    id: row.id,
    run: row.run_id,
    job: row.job_id,
    schedule: row.schedule_id,
    sourcePool: row.source_pool,
    vm: { uuid: row.vm_uuid, name: row.vm_name },
    target: { pool: row.target_pool, sr: row.target_sr },
    state: row.state as VmRunState,
    stage: row.stage as RunStage | null,
    queuedAt: toTimestamp(row.queued_at),
    startedAt: toTimestampOrNull(row.started_at),
    endedAt: toTimestampOrNull(row.ended_at),
    ...(JSON.parse(row.detail) as Detail),
  }
}

export function rowOfVmRun(vmRun: VmRun, runQueuedAt: number): Omit<Insertable<Tables['vm_runs']>, 'plan' | 'report'> {
  return {
    id: vmRun.id,
    run_id: vmRun.run,
    job_id: vmRun.job,
    schedule_id: vmRun.schedule,
    source_pool: vmRun.sourcePool,
    vm_uuid: vmRun.vm.uuid,
    vm_name: vmRun.vm.name,
    target_pool: vmRun.target.pool,
    target_sr: vmRun.target.sr,
    run_queued_at: runQueuedAt,
    queued_at: fromTimestamp(vmRun.queuedAt),
    ...changingColumns(vmRun),
  }
}

/** What becomes different while it runs. */
export function changingColumns(vmRun: VmRun) {
  const { waitingFor, attempt, disks, error, warnings, restorePoint, replica } = vmRun
  const detail: Detail = { waitingFor, attempt, disks, error, warnings, restorePoint, replica }
  return {
    state: vmRun.state,
    stage: vmRun.stage,
    started_at: fromTimestampOrNull(vmRun.startedAt),
    ended_at: fromTimestampOrNull(vmRun.endedAt),
    detail: JSON.stringify(detail),
  }
}
