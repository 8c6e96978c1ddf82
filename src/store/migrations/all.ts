/** All versions of the database in order. A version that was released is never changed: what is new gets a number of its own. */
import type { Migration } from 'kysely/migration'
import * as first from './0001-first.ts'
import * as poolHosts from './0002-pool-hosts.ts'

import * as activities from './0003-activities.ts'

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-pool-hosts': poolHosts,
  '0003-activities': activities,
}
