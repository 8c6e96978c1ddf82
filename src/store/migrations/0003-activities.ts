/** Long operations that are no runs, recovery plans, and test failovers that begin by themselves. */
import { type Kysely, sql } from 'kysely'

/** As it was at this version: a later one never changes this file, but adds one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('activities')
    .addColumn('id', 'text', (made) => made.notNull())
    .addColumn('kind', 'text', (made) => made.notNull())
    .addColumn('state', 'text', (made) => made.notNull())
    .addColumn('job_id', 'text')
    .addColumn('plan_id', 'text')
    .addColumn('queued_at', 'bigint', (made) => made.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('detail', 'text', (made) => made.notNull())
    .addColumn('request', 'text', (made) => made.notNull())
    .addColumn('report', 'text')
    .addPrimaryKeyConstraint('activities_id', ['id'])
    .execute()
  const index = (on: string, columns: readonly string[]) =>
    db.schema
      .createIndex(`${on}_by_${columns.join('_')}`)
      .on(on)
      .columns([...columns])
      .execute()
  await index('activities', ['queued_at', 'id'])
  await index('activities', ['job_id', 'queued_at', 'id'])
  await index('activities', ['plan_id', 'queued_at', 'id'])
  await db.schema.createIndex('activities_unfinished').on('activities').column('id').where(sql.ref('ended_at'), 'is', null).execute()
  await db.schema
    .createTable('activity_vms')
    .addColumn('activity_id', 'text', (made) => made.notNull())
    .addColumn('vm_uuid', 'text', (made) => made.notNull())
    .addPrimaryKeyConstraint('activity_vms_key', ['vm_uuid', 'activity_id'])
    .addForeignKeyConstraint('activity_vms_activity', ['activity_id'], 'activities', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('activity_vms', ['activity_id'])
  await db.schema
    .createTable('activity_lines')
    .addColumn('activity_id', 'text', (made) => made.notNull())
    .addColumn('at', 'bigint', (made) => made.notNull())
    .addColumn('level', 'text', (made) => made.notNull())
    .addColumn('step', 'text')
    .addColumn('text', 'text', (made) => made.notNull())
    .addColumn('id', 'integer', (made) => made.primaryKey().autoIncrement())
    .addForeignKeyConstraint('activity_lines_activity', ['activity_id'], 'activities', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('activity_lines', ['activity_id', 'id'])

  await db.schema
    .createTable('plans')
    .addColumn('id', 'text', (made) => made.notNull())
    .addColumn('name', 'text', (made) => made.notNull())
    .addColumn('spec', 'text', (made) => made.notNull())
    .addColumn('version', 'bigint', (made) => made.notNull())
    .addColumn('created_at', 'bigint', (made) => made.notNull())
    .addColumn('updated_at', 'bigint', (made) => made.notNull())
    .addPrimaryKeyConstraint('plans_id', ['id'])
    .execute()

  await db.schema
    .createTable('health_checks')
    .addColumn('job_id', 'text', (made) => made.notNull())
    .addColumn('source_pool', 'text', (made) => made.notNull())
    .addColumn('vm_uuid', 'text', (made) => made.notNull())
    .addColumn('target_pool', 'text', (made) => made.notNull())
    .addColumn('target_sr', 'text', (made) => made.notNull())
    .addColumn('runs_since', 'bigint', (made) => made.notNull())
    .addColumn('begun_at', 'bigint')
    .addColumn('last', 'text')
    .addPrimaryKeyConstraint('health_checks_chain', ['job_id', 'source_pool', 'vm_uuid', 'target_pool', 'target_sr'])
    .execute()
}
