import type { Actor, AuditEntry, AuditFilter } from '../../core/control/audit.ts'
import type { Page } from '../../core/control/page.ts'
import { keyAfter, pageLimit, pageOf } from '../keyset.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp, toTimestamp } from '../timestamps.ts'

/** Newest first, in the order that things were written down. Throws Failure CURSOR_INVALID. */
export async function listAudit(db: Queries, filter: AuditFilter): Promise<Page<AuditEntry>> {
  const limit = pageLimit(filter)
  const after = keyAfter(filter)
  let query = db.selectFrom('audit').selectAll()
  if (filter.actor !== undefined) query = query.where('actor_id', '=', filter.actor)
  if (filter.action !== undefined) query = query.where('action', '=', filter.action)
  if (filter.object !== undefined) query = query.where('object_id', '=', filter.object)
  if (filter.since !== undefined) query = query.where('at', '>=', fromTimestamp(filter.since))
  if (filter.until !== undefined) query = query.where('at', '<', fromTimestamp(filter.until))
  if (after) query = query.where('id', '<', after.at)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return pageOf(
    rows,
    limit,
    // The id alone orders: clocks are set back at times.
    (row) => ({ at: row.id, id: '' }),
    (row) => ({
      id: row.id,
      at: toTimestamp(row.at),
      actor: { kind: row.actor_kind as Actor['kind'], id: row.actor_id, name: row.actor_name },
      address: row.address,
      action: row.action,
      object: { kind: row.object_kind, id: row.object_id },
      outcome: row.outcome,
      details: JSON.parse(row.details),
    }),
  )
}
