/** What is known of a pool outlives a restart: its hosts, and how often its password was refused. Verifications go by age. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('pools')
    .addColumn('known_hosts', 'text', (made) => made.notNull().defaultTo('{}'))
    .execute()
  await db.schema
    .alterTable('pools')
    .addColumn('login_refusals', 'bigint', (made) => made.notNull().defaultTo(0))
    .execute()
  await db.schema.createIndex('verifications_by_started_at').on('verifications').column('started_at').execute()
}
