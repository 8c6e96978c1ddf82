/** What the server keeps: users, pools, jobs, runs, protection, notifications. Explained in schema.ts. */
import { type CreateTableBuilder, type Kysely, sql } from 'kysely'

type Column = [type: 'text' | 'bigint', nullable?: 'null']
const TEXT: Column = ['text']
const TEXT_NULL: Column = ['text', 'null']
/** Milliseconds since the epoch, flags and counts alike: 64 bits in every dialect. */
const INT: Column = ['bigint']
const INT_NULL: Column = ['bigint', 'null']

/** As it was at this version: a later one never changes this file, but adds one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const table = (name: string, columns: Readonly<Record<string, Column>>): CreateTableBuilder<string, string> => {
    let builder: CreateTableBuilder<string, string> = db.schema.createTable(name)
    for (const [column, [type, nullable]] of Object.entries(columns)) {
      builder = builder.addColumn(column, type, (made) => (nullable ? made : made.notNull()))
    }
    return builder
  }
  const counted = (name: string, columns: Readonly<Record<string, Column>>) =>
    table(name, columns).addColumn('id', 'integer', (made) => made.primaryKey().autoIncrement())
  const index = (on: string, columns: readonly string[]) =>
    db.schema
      .createIndex(`${on}_by_${columns.join('_')}`)
      .on(on)
      .columns([...columns])

  await table('meta', { key: TEXT, value: TEXT }).addPrimaryKeyConstraint('meta_key', ['key']).execute()

  await table('users', {
    id: TEXT,
    name: TEXT,
    role: TEXT,
    password_hash: TEXT,
    disabled: INT,
    created_at: INT,
    last_login_at: INT_NULL,
  })
    .addPrimaryKeyConstraint('users_id', ['id'])
    .addUniqueConstraint('users_name', ['name'])
    .execute()
  await table('sessions', {
    id_hash: TEXT,
    user_id: TEXT,
    created_at: INT,
    last_seen_at: INT,
    expires_at: INT,
    address: TEXT,
    agent: TEXT,
  })
    .addPrimaryKeyConstraint('sessions_id', ['id_hash'])
    .addForeignKeyConstraint('sessions_user', ['user_id'], 'users', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('sessions', ['user_id']).execute()
  await table('tokens', {
    id: TEXT,
    user_id: TEXT,
    name: TEXT,
    token_hash: TEXT,
    role: TEXT,
    created_at: INT,
    expires_at: INT_NULL,
    last_used_at: INT_NULL,
    revoked_at: INT_NULL,
  })
    .addPrimaryKeyConstraint('tokens_id', ['id'])
    .addUniqueConstraint('tokens_hash', ['token_hash'])
    .addForeignKeyConstraint('tokens_user', ['user_id'], 'users', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('tokens', ['user_id']).execute()
  await counted('audit', {
    at: INT,
    actor_kind: TEXT,
    actor_id: TEXT,
    actor_name: TEXT,
    address: TEXT,
    action: TEXT,
    object_kind: TEXT,
    object_id: TEXT,
    outcome: TEXT,
    details: TEXT,
  }).execute()
  await index('audit', ['at', 'id']).execute()
  await index('audit', ['object_id', 'id']).execute()

  await table('pools', {
    id: TEXT,
    name: TEXT,
    url: TEXT,
    user_name: TEXT,
    secret: TEXT,
    fingerprints: TEXT,
    pool_uuid: TEXT,
    enabled: INT,
    created_at: INT,
    last_seen_at: INT_NULL,
  })
    .addPrimaryKeyConstraint('pools_id', ['id'])
    .addUniqueConstraint('pools_uuid', ['pool_uuid'])
    .execute()

  await table('jobs', { id: TEXT, name: TEXT, enabled: INT, spec: TEXT, version: INT, created_at: INT, updated_at: INT })
    .addPrimaryKeyConstraint('jobs_id', ['id'])
    .execute()
  await table('schedules', { id: TEXT, job_id: TEXT, position: INT, name: TEXT, enabled: INT, spec: TEXT, last_tick: INT_NULL })
    .addPrimaryKeyConstraint('schedules_id', ['id'])
    .addForeignKeyConstraint('schedules_job', ['job_id'], 'jobs', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('schedules', ['job_id', 'position']).execute()

  // Runs outlive their jobs: no foreign key there.
  await table('runs', {
    id: TEXT,
    job_id: TEXT,
    job_name: TEXT,
    schedule_id: TEXT_NULL,
    schedule_name: TEXT_NULL,
    trigger_spec: TEXT,
    state: TEXT,
    dry_run: INT,
    reason: TEXT_NULL,
    queued_at: INT,
    started_at: INT_NULL,
    ended_at: INT_NULL,
    totals: TEXT,
  })
    .addPrimaryKeyConstraint('runs_id', ['id'])
    .execute()
  await index('runs', ['queued_at', 'id']).execute()
  await index('runs', ['job_id', 'queued_at', 'id']).execute()
  await index('runs', ['state', 'queued_at', 'id']).execute()
  await db.schema.createIndex('runs_unfinished').on('runs').column('id').where(sql.ref('ended_at'), 'is', null).execute()

  await table('vm_runs', {
    id: TEXT,
    run_id: TEXT,
    job_id: TEXT,
    schedule_id: TEXT_NULL,
    source_pool: TEXT,
    vm_uuid: TEXT,
    vm_name: TEXT,
    target_pool: TEXT,
    target_sr: TEXT,
    state: TEXT,
    stage: TEXT_NULL,
    run_queued_at: INT,
    queued_at: INT,
    started_at: INT_NULL,
    ended_at: INT_NULL,
    detail: TEXT,
    plan: TEXT_NULL,
    report: TEXT_NULL,
  })
    .addPrimaryKeyConstraint('vm_runs_id', ['id'])
    .addForeignKeyConstraint('vm_runs_run', ['run_id'], 'runs', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('vm_runs', ['run_id', 'queued_at', 'id']).execute()
  await index('vm_runs', ['vm_uuid', 'queued_at', 'id']).execute()
  await index('vm_runs', ['vm_uuid', 'run_queued_at', 'run_id']).execute()
  await index('vm_runs', ['job_id', 'queued_at', 'id']).execute()
  await index('vm_runs', ['queued_at', 'id']).execute()
  await index('vm_runs', ['state', 'queued_at', 'id']).execute()
  await db.schema.createIndex('vm_runs_unfinished').on('vm_runs').column('id').where(sql.ref('ended_at'), 'is', null).execute()
  await db.schema
    .createIndex('vm_runs_documents')
    .on('vm_runs')
    .columns(['queued_at', 'id'])
    .where(sql.ref('report'), 'is not', null)
    .execute()
  await counted('vm_run_logs', { vm_run_id: TEXT, at: INT, level: TEXT, text: TEXT })
    .addForeignKeyConstraint('vm_run_logs_vm_run', ['vm_run_id'], 'vm_runs', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('vm_run_logs', ['vm_run_id', 'id']).execute()

  await table('protections', {
    job_id: TEXT,
    source_pool: TEXT,
    vm_uuid: TEXT,
    vm_name: TEXT,
    target_pool: TEXT,
    target_sr: TEXT,
    state: TEXT,
    point_uuid: TEXT_NULL,
    point_taken_at: INT_NULL,
    replica_uuid: TEXT_NULL,
    first_seen_at: INT,
    last_vm_run: TEXT_NULL,
    last_state: TEXT_NULL,
    last_ended_at: INT_NULL,
    last_error: TEXT_NULL,
  })
    .addPrimaryKeyConstraint('protections_chain', ['job_id', 'source_pool', 'vm_uuid', 'target_pool', 'target_sr'])
    .execute()
  await index('protections', ['vm_uuid']).execute()
  await table('verifications', {
    id: TEXT,
    target_pool: TEXT,
    restore_point: TEXT,
    mode: TEXT,
    started_at: INT,
    ended_at: INT_NULL,
    equal: INT_NULL,
    error: TEXT_NULL,
    report: TEXT_NULL,
  })
    .addPrimaryKeyConstraint('verifications_id', ['id'])
    .execute()
  await index('verifications', ['target_pool', 'restore_point', 'started_at']).execute()

  await table('alerts', {
    id: TEXT,
    key: TEXT,
    kind: TEXT,
    subject: TEXT,
    body: TEXT,
    hint: TEXT,
    job_id: TEXT_NULL,
    vm_uuid: TEXT_NULL,
    pool_id: TEXT_NULL,
    opened_at: INT,
    closed_at: INT_NULL,
  })
    .addPrimaryKeyConstraint('alerts_id', ['id'])
    .execute()
  await index('alerts', ['opened_at', 'id']).execute()
  // At most one open alert about one thing.
  await db.schema.createIndex('alerts_open').unique().on('alerts').column('key').where(sql.ref('closed_at'), 'is', null).execute()
  await table('channels', {
    id: TEXT,
    kind: TEXT,
    name: TEXT,
    enabled: INT,
    spec: TEXT,
    secret: TEXT_NULL,
    last_error: TEXT_NULL,
    last_sent_at: INT_NULL,
  })
    .addPrimaryKeyConstraint('channels_id', ['id'])
    .execute()
  await counted('outbox', {
    channel_id: TEXT,
    created_at: INT,
    message: TEXT,
    attempts: INT,
    next_at: INT,
    sent_at: INT_NULL,
    error: TEXT_NULL,
  })
    .addForeignKeyConstraint('outbox_channel', ['channel_id'], 'channels', ['id'], (key) => key.onDelete('cascade'))
    .execute()
  await index('outbox', ['channel_id']).execute()
  await db.schema.createIndex('outbox_waiting').on('outbox').column('next_at').where(sql.ref('sent_at'), 'is', null).execute()

  await table('settings', { key: TEXT, value: TEXT }).addPrimaryKeyConstraint('settings_key', ['key']).execute()
  await table('idempotency', { key: TEXT, actor: TEXT, request_hash: TEXT, status: INT, body: TEXT, created_at: INT })
    .addPrimaryKeyConstraint('idempotency_key', ['actor', 'key'])
    .execute()
  await index('idempotency', ['created_at']).execute()
}
