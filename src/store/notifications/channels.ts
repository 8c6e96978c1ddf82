import type { Selectable } from 'kysely'
import type { Channel, ChannelSpec } from '../../core/control/notification.ts'
import type { Queries } from '../open-store.ts'
import type { Tables } from '../schema.ts'
import { fromTimestampOrNull, toTimestampOrNull } from '../timestamps.ts'

/** A channel with its secret as it is stored: sealed. */
export interface StoredChannel {
  readonly channel: Channel
  readonly sealed: string | null
}

function channelOfRow(row: Selectable<Tables['channels']>): StoredChannel {
  const spec = { ...JSON.parse(row.spec), kind: row.kind, name: row.name, enabled: row.enabled === 1 } as ChannelSpec
  return {
    channel: {
      ...spec,
      id: row.id,
      hasSecret: row.secret !== null,
      lastError: row.last_error,
      lastSentAt: toTimestampOrNull(row.last_sent_at),
    },
    sealed: row.secret,
  }
}

/** By name. */
export async function listChannels(db: Queries): Promise<StoredChannel[]> {
  const rows = await db.selectFrom('channels').selectAll().orderBy('name').orderBy('id').execute()
  return rows.map(channelOfRow)
}

export async function findChannel(db: Queries, id: string): Promise<StoredChannel | undefined> {
  const row = await db.selectFrom('channels').selectAll().where('id', '=', id).executeTakeFirst()
  return row && channelOfRow(row)
}

/** A new channel, or in place of what is stored of it. */
export async function putChannel(db: Queries, { channel, sealed }: StoredChannel): Promise<void> {
  const { id, kind, name, enabled, hasSecret: _hasSecret, lastError, lastSentAt, ...spec } = channel
  const row = {
    id,
    kind,
    name,
    enabled: enabled ? 1 : 0,
    spec: JSON.stringify(spec),
    secret: sealed,
    last_error: lastError,
    last_sent_at: fromTimestampOrNull(lastSentAt),
  }
  await db
    .insertInto('channels')
    .values(row)
    .onConflict((on) => on.column('id').doUpdateSet(row))
    .execute()
}

/** With what waits to be sent through it. Whether there was one. */
export async function deleteChannel(db: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('channels').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

/** What came of the last attempt to send. `sentAt` null: nothing was sent. */
export async function noteSending(
  db: Queries,
  id: string,
  outcome: { readonly error: string | null; readonly sentAt: number | null },
): Promise<void> {
  const { error, sentAt } = outcome
  await db
    .updateTable('channels')
    .set({ last_error: error, ...(sentAt === null ? {} : { last_sent_at: sentAt }) })
    .where('id', '=', id)
    .execute()
}
