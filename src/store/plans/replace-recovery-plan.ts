import type { RecoveryPlanRecord } from '../../core/control/recovery-plan-record.ts'
import type { Queries } from '../open-store.ts'
import { rowOfPlan } from './plan-row.ts'

/** Stores `plan`, made of the version before its own. False: another one is stored by now, or none. */
export async function replaceRecoveryPlan(db: Queries, plan: RecoveryPlanRecord): Promise<boolean> {
  const { id, created_at: _, ...row } = rowOfPlan(plan)
  const { numUpdatedRows } = await db
    .updateTable('plans')
    .set(row)
    .where('id', '=', id)
    .where('version', '=', plan.version - 1)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
