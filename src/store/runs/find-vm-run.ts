import type { LogLine, VmRun, VmRunDetail } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'
import { toTimestamp } from '../timestamps.ts'
import { VM_RUN_COLUMNS, vmRunOfRow } from './vm-run-row.ts'

export async function findVmRun(db: Queries, id: string): Promise<VmRun | undefined> {
  const row = await db.selectFrom('vm_runs').select(VM_RUN_COLUMNS).where('id', '=', id).executeTakeFirst()
  return row && vmRunOfRow(row)
}

/** With plan, report and log, the newest lines when there are very many. */
export async function findVmRunDetail(db: Queries, id: string, lines = 5_000): Promise<VmRunDetail | undefined> {
  const row = await db.selectFrom('vm_runs').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) return undefined
  const log = await db.selectFrom('vm_run_logs').selectAll().where('vm_run_id', '=', id).orderBy('id', 'desc').limit(lines).execute()
  return {
    ...vmRunOfRow(row),
    plan: row.plan === null ? null : JSON.parse(row.plan),
    report: row.report === null ? null : JSON.parse(row.report),
    log: log.reverse().map(({ at, level, text }) => ({ at: toTimestamp(at), level: level as LogLine['level'], text })),
  }
}
