import type { Page, VmRunFilter } from '../../core/control/page.ts'
import type { VmRun } from '../../core/control/run-record.ts'
import { keyAfter, mergeNewest, pageLimit, pageOf } from '../keyset.ts'
import type { Queries } from '../open-store.ts'
import { VM_RUN_COLUMNS, type VmRunRow, vmRunOfRow } from './vm-run-row.ts'

const keyOf = (row: VmRunRow) => ({ at: row.queued_at, id: row.id })

/** Newest first. Throws Failure CURSOR_INVALID. */
export async function listVmRuns(db: Queries, filter: VmRunFilter): Promise<Page<VmRun>> {
  const limit = pageLimit(filter)
  return pageOf(await rowsOf(db, filter, limit + 1), limit, keyOf, vmRunOfRow)
}

/** All of one run, oldest first. */
export async function vmRunsOfRun(db: Queries, run: string): Promise<VmRun[]> {
  const rows = await db.selectFrom('vm_runs').select(VM_RUN_COLUMNS).where('run_id', '=', run).orderBy('queued_at').orderBy('id').execute()
  return rows.map(vmRunOfRow)
}

/** See list-runs.ts about states. */
async function rowsOf(db: Queries, filter: VmRunFilter, count: number): Promise<VmRunRow[]> {
  const narrowed = filter.run ?? filter.vm ?? filter.job
  if (filter.state === undefined || narrowed !== undefined) return vmRunsQuery(db, filter, filter.state, count).execute()
  const pages = await Promise.all([...new Set(filter.state)].map((state) => vmRunsQuery(db, filter, [state], count).execute()))
  return mergeNewest(pages, count, keyOf)
}

export function vmRunsQuery(db: Queries, filter: VmRunFilter, states: VmRunFilter['state'], count: number) {
  const after = keyAfter(filter)
  let query = db.selectFrom('vm_runs').select(VM_RUN_COLUMNS)
  if (filter.run !== undefined) query = query.where('run_id', '=', filter.run)
  if (filter.vm !== undefined) query = query.where('vm_uuid', '=', filter.vm)
  if (filter.job !== undefined) query = query.where('job_id', '=', filter.job)
  const [state, ...more] = states ?? []
  if (states !== undefined) {
    query = state !== undefined && more.length === 0 ? query.where('state', '=', state) : query.where('state', 'in', [...states])
  }
  if (after) query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('queued_at', 'id'), '<', tuple(after.at, after.id)))
  return query.orderBy('queued_at', 'desc').orderBy('id', 'desc').limit(count)
}
