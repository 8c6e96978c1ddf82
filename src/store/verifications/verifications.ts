import type { Queries } from '../open-store.ts'

export interface StoredVerification {
  readonly id: string
  readonly targetPool: string
  readonly restorePoint: string
  readonly mode: string
  readonly startedAt: number
  readonly endedAt: number | null
  /** null: it has not ended, or nothing was found out. */
  readonly equal: boolean | null
  readonly error: string | null
  readonly report: object | null
}

export async function putVerification(db: Queries, verification: StoredVerification): Promise<void> {
  const { id, targetPool, restorePoint, mode, startedAt, endedAt, equal, error, report } = verification
  const row = {
    id,
    target_pool: targetPool,
    restore_point: restorePoint,
    mode,
    started_at: startedAt,
    ended_at: endedAt,
    equal: equal === null ? null : equal ? 1 : 0,
    error,
    report: report === null ? null : JSON.stringify(report),
  }
  await db
    .insertInto('verifications')
    .values(row)
    .onConflict((on) => on.column('id').doUpdateSet(row))
    .execute()
}

/** By restore point: the newest that found something out. */
export async function lastVerifications(db: Queries, targetPool: string): Promise<Map<string, StoredVerification>> {
  const rows = await db
    .selectFrom('verifications')
    .selectAll()
    .where('target_pool', '=', targetPool)
    .where('equal', 'is not', null)
    .orderBy('started_at')
    .execute()
  return new Map(
    rows.map((row) => [
      row.restore_point,
      {
        id: row.id,
        targetPool: row.target_pool,
        restorePoint: row.restore_point,
        mode: row.mode,
        startedAt: row.started_at,
        endedAt: row.ended_at,
        equal: row.equal === null ? null : row.equal === 1,
        error: row.error,
        report: row.report === null ? null : JSON.parse(row.report),
      },
    ]),
  )
}

/** Those that ended and began earlier than `before`; how many went. */
export async function pruneVerifications(db: Queries, before: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('verifications')
    .where('started_at', '<', before)
    .where('ended_at', 'is not', null)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** At the start: what the server before left unfinished. */
export async function endUnfinishedVerifications(db: Queries, at: number): Promise<void> {
  await db
    .updateTable('verifications')
    .set({ ended_at: at, error: 'the server ended in the middle' })
    .where('ended_at', 'is', null)
    .execute()
}
