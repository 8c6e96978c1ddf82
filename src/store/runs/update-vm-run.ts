import type { VmRun } from '../../core/control/run-record.ts'
import type { VmRunPlan } from '../../core/plan.ts'
import type { RunReport } from '../../core/report.ts'
import type { Queries } from '../open-store.ts'
import { changingColumns } from './vm-run-row.ts'

/** What changes in a VM run; plan and report only when they are given. */
export async function updateVmRun(
  db: Queries,
  vmRun: VmRun,
  { plan, report }: { readonly plan?: VmRunPlan; readonly report?: RunReport } = {},
): Promise<void> {
  const documents = {
    ...(plan === undefined ? {} : { plan: JSON.stringify(plan) }),
    ...(report === undefined ? {} : { report: JSON.stringify(report) }),
  }
  await db
    .updateTable('vm_runs')
    .set({ ...changingColumns(vmRun), ...documents })
    .where('id', '=', vmRun.id)
    .execute()
}
