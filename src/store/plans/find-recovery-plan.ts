import type { RecoveryPlanRecord } from '../../core/control/recovery-plan-record.ts'
import type { Queries } from '../open-store.ts'
import { planOfRow } from './plan-row.ts'

export async function findRecoveryPlan(db: Queries, id: string): Promise<RecoveryPlanRecord | undefined> {
  const row = await db.selectFrom('plans').selectAll().where('id', '=', id).executeTakeFirst()
  return row && planOfRow(row)
}
