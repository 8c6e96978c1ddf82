import type { Alert } from '../../core/control/notification.ts'
import type { Page, PageRequest } from '../../core/control/page.ts'
import { keyAfter, pageLimit, pageOf } from '../keyset.ts'
import type { Queries } from '../open-store.ts'
import { alertOfRow, type KeyedAlert } from './alert-row.ts'

/** Newest first. Throws Failure CURSOR_INVALID. */
export async function listAlerts(db: Queries, filter: PageRequest & { readonly open?: boolean }): Promise<Page<Alert>> {
  const limit = pageLimit(filter)
  const after = keyAfter(filter)
  let query = db.selectFrom('alerts').selectAll()
  if (filter.open !== undefined) query = query.where('closed_at', filter.open ? 'is' : 'is not', null)
  if (after) query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('opened_at', 'id'), '<', tuple(after.at, after.id)))
  const rows = await query
    .orderBy('opened_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return pageOf(rows, limit, (row) => ({ at: row.opened_at, id: row.id }), alertOfRow)
}

export async function openAlerts(db: Queries): Promise<KeyedAlert[]> {
  const rows = await db.selectFrom('alerts').selectAll().where('closed_at', 'is', null).execute()
  return rows.map((row) => ({ ...alertOfRow(row), key: row.key }))
}
