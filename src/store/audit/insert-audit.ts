import type { AuditEntry } from '../../core/control/audit.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

export async function insertAudit(db: Queries, entry: Omit<AuditEntry, 'id'>): Promise<void> {
  await db
    .insertInto('audit')
    .values({
      at: fromTimestamp(entry.at),
      actor_kind: entry.actor.kind,
      actor_id: entry.actor.id,
      actor_name: entry.actor.name,
      address: entry.address,
      action: entry.action,
      object_kind: entry.object.kind,
      object_id: entry.object.id,
      outcome: entry.outcome,
      details: JSON.stringify(entry.details),
    })
    .execute()
}
