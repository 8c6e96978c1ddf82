import type { Run } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'
import { runOfRow } from './run-row.ts'

export async function findRun(db: Queries, id: string): Promise<Run | undefined> {
  const row = await db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst()
  return row && runOfRow(row)
}
