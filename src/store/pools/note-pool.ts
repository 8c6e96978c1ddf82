/** What the server learns of a pool by itself. A pool that is gone by now is left out. */
import type { Timestamp } from '../../core/control/job.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

export async function setPoolSeen(db: Queries, id: string, at: Timestamp): Promise<void> {
  await db
    .updateTable('pools')
    .set({ last_seen_at: fromTimestamp(at) })
    .where('id', '=', id)
    .execute()
}

/** @param hosts fingerprint by `host:port`, in place of what was known before */
export async function setKnownHosts(db: Queries, id: string, hosts: ReadonlyMap<string, string>): Promise<void> {
  await db
    .updateTable('pools')
    .set({ known_hosts: JSON.stringify(Object.fromEntries(hosts)) })
    .where('id', '=', id)
    .execute()
}

/** @param refusals how often in a row the pool refused the stored password */
export async function setLoginRefusals(db: Queries, id: string, refusals: number): Promise<void> {
  await db.updateTable('pools').set({ login_refusals: refusals }).where('id', '=', id).execute()
}
