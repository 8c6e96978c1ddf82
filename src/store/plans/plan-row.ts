import type { Insertable, Selectable } from 'kysely'
import type { RecoveryPlanRecord, RecoveryPlanSpec } from '../../core/control/recovery-plan-record.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, toTimestamp } from '../timestamps.ts'

export type PlanRow = Selectable<Tables['plans']>

export function planOfRow(row: PlanRow): RecoveryPlanRecord {
  return {
    ...(JSON.parse(row.spec) as RecoveryPlanSpec),
    id: row.id,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
    version: row.version,
  }
}

export function rowOfPlan({ id, createdAt, updatedAt, version, ...spec }: RecoveryPlanRecord): Insertable<Tables['plans']> {
  return {
    id,
    name: spec.name,
    spec: JSON.stringify(spec),
    version,
    created_at: fromTimestamp(createdAt),
    updated_at: fromTimestamp(updatedAt),
  }
}
