import type { Insertable, Selectable } from 'kysely'
import type { Alert } from '../../core/control/notification.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, fromTimestampOrNull, toTimestamp, toTimestampOrNull } from '../timestamps.ts'

export type KeyedAlert = Alert & { readonly key: string }

export function alertOfRow(row: Selectable<Tables['alerts']>): Alert {
  return {
    id: row.id,
    kind: row.kind as Alert['kind'],
    subject: row.subject,
    text: row.body,
    hint: row.hint,
    openedAt: toTimestamp(row.opened_at),
    closedAt: toTimestampOrNull(row.closed_at),
    job: row.job_id,
    vm: row.vm_uuid,
    pool: row.pool_id,
  }
}

export function rowOfAlert(alert: KeyedAlert): Insertable<Tables['alerts']> {
  return {
    id: alert.id,
    key: alert.key,
    kind: alert.kind,
    subject: alert.subject,
    body: alert.text,
    hint: alert.hint,
    job_id: alert.job,
    vm_uuid: alert.vm,
    pool_id: alert.pool,
    opened_at: fromTimestamp(alert.openedAt),
    closed_at: fromTimestampOrNull(alert.closedAt),
  }
}
