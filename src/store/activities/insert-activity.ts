import type { Activity } from '../../core/control/activity.ts'
import type { Queries } from '../open-store.ts'
import { rowOfActivity } from './activity-row.ts'

/** Give it a transaction. @param vms uuids of the source VMs that it is found by @param request what it goes on with when it is interrupted */
export async function insertActivity(db: Queries, activity: Activity, vms: readonly string[], request: object): Promise<void> {
  await db
    .insertInto('activities')
    .values({ ...rowOfActivity(activity), request: JSON.stringify(request), report: null })
    .execute()
  const rows = [...new Set(vms)].map((vm_uuid) => ({ activity_id: activity.id, vm_uuid }))
  for (let start = 0; start < rows.length; start += 400) {
    await db
      .insertInto('activity_vms')
      .values(rows.slice(start, start + 400))
      .execute()
  }
}
