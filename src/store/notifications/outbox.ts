import type { Notice } from '../../core/control/notice.ts'
import type { Queries } from '../open-store.ts'

export interface WaitingNotice {
  readonly id: number
  readonly channel: string
  readonly createdAt: number
  readonly notice: Notice
  /** Attempts to send it so far. */
  readonly attempts: number
  readonly nextAt: number
}

/** To every enabled channel; belongs into the transaction that stores what is told. */
export async function addToOutbox(db: Queries, notices: readonly Notice[], at: number, nextAt: number): Promise<void> {
  const channels = await db.selectFrom('channels').select('id').where('enabled', '=', 1).execute()
  const rows = channels.flatMap(({ id }) =>
    notices.map((notice) => ({
      channel_id: id,
      created_at: at,
      message: JSON.stringify(notice),
      attempts: 0,
      next_at: nextAt,
      sent_at: null,
      error: null,
    })),
  )
  if (rows.length > 0) await db.insertInto('outbox').values(rows).execute()
}

/** Not sent yet, oldest first; of a channel that was switched off meanwhile too. */
export async function waitingNotices(db: Queries, limit = 2_000): Promise<WaitingNotice[]> {
  const rows = await db.selectFrom('outbox').selectAll().where('sent_at', 'is', null).orderBy('id').limit(limit).execute()
  return rows.map((row) => ({
    id: row.id,
    channel: row.channel_id,
    createdAt: row.created_at,
    notice: JSON.parse(row.message),
    attempts: row.attempts,
    nextAt: row.next_at,
  }))
}

/** Sent, or given up with the last error. */
export async function closeNotices(db: Queries, ids: readonly number[], at: number, error: string | null): Promise<void> {
  await db.updateTable('outbox').set({ sent_at: at, error }).where('id', 'in', ids).execute()
}

export async function postponeNotices(db: Queries, ids: readonly number[], nextAt: number, error: string): Promise<void> {
  await db
    .updateTable('outbox')
    .set(({ eb }) => ({ next_at: nextAt, error, attempts: eb('attempts', '+', 1) }))
    .where('id', 'in', ids)
    .execute()
}
