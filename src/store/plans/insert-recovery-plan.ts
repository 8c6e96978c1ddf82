import type { RecoveryPlanRecord } from '../../core/control/recovery-plan-record.ts'
import type { Queries } from '../open-store.ts'
import { rowOfPlan } from './plan-row.ts'

export async function insertRecoveryPlan(db: Queries, plan: RecoveryPlanRecord): Promise<void> {
  await db.insertInto('plans').values(rowOfPlan(plan)).execute()
}
