/** A database of any version that there ever was is brought to this one, with everything that is in it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Failure } from '../core/failure.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS } from './migrations/all.ts'
import { DATABASE_FILE, openStore } from './open-store.ts'
import { listPools } from './pools/list-pools.ts'
import { setKnownHosts, setLoginRefusals } from './pools/note-pool.ts'
import { updatePool } from './pools/update-pool.ts'
import type { Tables } from './schema.ts'
import { nodeSqliteDialect, TransactionScope } from './sqlite-driver.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function opened(folder: string): { db: Kysely<Tables>; file: DatabaseSync } {
  const file = new DatabaseSync(join(folder, DATABASE_FILE))
  return { file, db: new Kysely<Tables>({ dialect: nodeSqliteDialect(file, new TransactionScope()) }) }
}

/** Tables, columns and indexes, as SQLite has them. */
const schemaOf = (file: DatabaseSync) =>
  file
    .prepare("select type, name, tbl_name, sql from sqlite_master where name not like 'sqlite_%' order by type, name")
    .all()
    .map((row) => ({ ...row }))

const tablesOf = (file: DatabaseSync) =>
  file
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%' order by name")
    .all()
    .map((row) => String(row.name))

/** A row in every table of whatever version: each column gets a value of its type, each reference the row that it wants. */
function fill(file: DatabaseSync): void {
  file.exec('pragma foreign_keys = off')
  for (const table of tablesOf(file)) {
    const columns = file.prepare(`pragma table_info(${table})`).all() as { name: string; type: string }[]
    const references = new Set((file.prepare(`pragma foreign_key_list(${table})`).all() as { from: string }[]).map((one) => one.from))
    const values = columns.map(({ name, type }) => {
      if (/int/i.test(type)) return 1
      return name === 'id' || references.has(name) ? 'the row' : JSON.stringify({ of: `${table}.${name}` })
    })
    file.prepare(`insert into ${table} (${columns.map((one) => one.name).join()}) values (${columns.map(() => '?').join()})`).run(...values)
  }
  assert.deepEqual(file.prepare('pragma foreign_key_check').all(), [])
}

for (const version of Object.keys(MIGRATIONS)) {
  test(`a database of version ${version} with a row in every table is brought to this version, and loses nothing`, async (t) => {
    const folder = folderFor(t)
    const old = opened(folder)
    await migrate(old.db, { upTo: version })
    fill(old.file)
    const before = new Map(tablesOf(old.file).map((table) => [table, old.file.prepare(`select * from ${table}`).get()]))
    await old.db.destroy()
    await (await openStore({ folder })).close()
    const now = opened(folder)
    for (const [table, row] of before) {
      const after = now.file.prepare(`select * from ${table}`).get()
      for (const [column, value] of Object.entries(row ?? {})) assert.equal(after?.[column], value, `${table}.${column}`)
    }
    const fresh = folderFor(t)
    await (await openStore({ folder: fresh })).close()
    const wanted = opened(fresh)
    assert.deepEqual(schemaOf(now.file), schemaOf(wanted.file))
    await now.db.destroy()
    await wanted.db.destroy()
  })
}

test('a pool that version 0001 registered is there after the upgrade: nothing known of its hosts, nothing refused', async (t) => {
  const folder = folderFor(t)
  const old = opened(folder)
  await migrate(old.db, { upTo: '0001-first' })
  old.file.exec(`insert into pools (id, name, url, user_name, secret, fingerprints, pool_uuid, enabled, created_at, last_seen_at)
    values ('p', 'Paris', 'https://10.0.0.1', 'root', 'sealed', '["AB:CD"]', 'its-uuid', 1, 1000, null)`)
  await old.db.destroy()
  const store = await openStore({ folder })
  const stored = {
    record: {
      id: 'p',
      name: 'Paris',
      url: 'https://10.0.0.1',
      user: 'root',
      fingerprints: ['AB:CD'],
      poolUuid: 'its-uuid',
      enabled: true,
      createdAt: '1970-01-01T00:00:01.000Z',
    },
    secret: 'sealed',
    lastSeenAt: null,
    knownHosts: new Map<string, string>(),
    loginRefusals: 0,
  }
  assert.deepEqual(await listPools(store.db), [stored])
  await setKnownHosts(store.db, 'p', new Map([['10.0.0.2:443', 'EF:01']]))
  await setLoginRefusals(store.db, 'p', 3)
  // What a person changes leaves alone what was learned.
  await updatePool(store.db, { ...stored, secret: 'sealed anew' })
  const learned = { knownHosts: new Map([['10.0.0.2:443', 'EF:01']]), loginRefusals: 3 }
  assert.deepEqual(await listPools(store.db), [{ ...stored, secret: 'sealed anew', ...learned }])
  await store.close()
})

test('the tables of this version are those that the queries are written for', async (t) => {
  const folder = folderFor(t)
  const store = await openStore({ folder })
  // One of each, by the types of schema.ts: a column that is missing or has another name would fail.
  await store.db.selectFrom('vm_runs').select(['run_queued_at', 'detail', 'plan', 'report']).execute()
  await store.db.selectFrom('activities').select(['plan_id', 'detail', 'request', 'report']).execute()
  await store.db.selectFrom('health_checks').select(['runs_since', 'begun_at', 'last']).execute()
  await store.db.selectFrom('protections').select(['point_taken_at', 'last_error']).execute()
  await store.close()
  const { file, db } = opened(folder)
  assert.deepEqual(
    tablesOf(file),
    [
      ...['activities', 'activity_lines', 'activity_vms', 'health_checks', 'plans'],
      ...['alerts', 'audit', 'channels', 'idempotency', 'jobs', 'meta', 'outbox', 'pools', 'protections', 'runs', 'schedules'],
      ...['sessions', 'settings', 'tokens', 'users', 'verifications', 'vm_run_logs', 'vm_runs'],
    ].sort(),
  )
  await db.destroy()
})

const LATER: Record<string, Migration> = {
  ...MIGRATIONS,
  '9000-later': {
    up: async (db) => {
      await db.schema.alterTable('settings').addColumn('note', 'text').execute()
      await sql`update settings set note = 'seen'`.execute(db)
    },
  },
}

test('a version that fails half-way has not happened: the old one goes on', async (t) => {
  const folder = folderFor(t)
  const store = await openStore({ folder })
  await store.db.insertInto('settings').values({ key: 'a', value: '1' }).execute()
  await store.close()
  const { db, file } = opened(folder)
  const failing: Record<string, Migration> = {
    ...LATER,
    '9001-fails': {
      up: async (db) => {
        await db.schema.dropTable('runs').execute()
        throw new Error('the disk is full')
      },
    },
  }
  const before = schemaOf(file)
  await assert.rejects(migrate(db, { migrations: failing }), /the disk is full/)
  assert.deepEqual(schemaOf(file), before)
  await db.destroy()
  const again = await openStore({ folder })
  assert.equal((await again.db.selectFrom('settings').selectAll().execute()).length, 1)
  await again.close()
})

test('a later version is run once, and then refused by this program', async (t) => {
  const folder = folderFor(t)
  const store = await openStore({ folder })
  await store.db.insertInto('settings').values({ key: 'a', value: '1' }).execute()
  await store.close()
  const { db, file } = opened(folder)
  await migrate(db, { migrations: LATER })
  await migrate(db, { migrations: LATER })
  assert.equal(file.prepare('select note from settings').get()?.note, 'seen')
  await db.destroy()
  await assert.rejects(openStore({ folder }), (error: Failure) => error.code === 'DATABASE_NEWER' && error.message.includes('9000-later'))
})

test('names of versions are in the order of their numbers', () => {
  const names = Object.keys(MIGRATIONS)
  assert.deepEqual(names, names.toSorted())
  assert.ok(names.every((name, index) => name.startsWith(String(index + 1).padStart(4, '0'))))
})
