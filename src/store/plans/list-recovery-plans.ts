import type { RecoveryPlanRecord } from '../../core/control/recovery-plan-record.ts'
import type { Queries } from '../open-store.ts'
import { planOfRow } from './plan-row.ts'

/** By name. */
export async function listRecoveryPlans(db: Queries): Promise<RecoveryPlanRecord[]> {
  return (await db.selectFrom('plans').selectAll().orderBy('name').orderBy('id').execute()).map(planOfRow)
}
