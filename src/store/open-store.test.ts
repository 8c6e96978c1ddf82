import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { Failure } from '../core/failure.ts'
import { DATABASE_FILE, openStore } from './open-store.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

const failsAs = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error))
  assert.equal(error.code, code)
  return true
}

test('what was stored is there after closing and opening again', async (t) => {
  const folder = folderFor(t)
  const store = await openStore({ folder })
  await store.transaction((db) => db.insertInto('settings').values({ key: 'a', value: '1' }).execute(), { durable: true })
  await store.close()
  const again = await openStore({ folder })
  assert.deepEqual(await again.db.selectFrom('settings').selectAll().execute(), [{ key: 'a', value: '1' }])
  assert.ok(await again.isUsable())
  await again.close()
  assert.equal(await again.isUsable(), false)
})

test('G9: nobody but its owner may read what is in the data folder', async (t) => {
  const folder = folderFor(t)
  const store = await openStore({ folder })
  await store.db.insertInto('settings').values({ key: 'a', value: '1' }).execute()
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  const files = readdirSync(folder)
  assert.ok(files.includes(DATABASE_FILE) && files.includes(`${DATABASE_FILE}-wal`), files.join())
  for (const name of files) assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name)
  await store.close()
})

test('a transaction is all or nothing, and a later one is not held up by one that failed', async () => {
  const store = await openStore({ memory: true })
  await assert.rejects(
    store.transaction(async (db) => {
      await db.insertInto('settings').values({ key: 'a', value: '1' }).execute()
      throw new Error('thought better of it')
    }),
    /thought better/,
  )
  await assert.rejects(store.transaction((db) => sql`insert into nowhere values (1)`.execute(db)))
  await store.transaction((db) => db.insertInto('settings').values({ key: 'b', value: '1' }).execute())
  assert.deepEqual(await store.db.selectFrom('settings').select('key').execute(), [{ key: 'b' }])
  await store.close()
})

test('what comes while a transaction is under way waits for it, in the order it came', async () => {
  const store = await openStore({ memory: true })
  const told: string[] = []
  let goOn = () => {}
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const first = store.transaction(async (db) => {
    await db.insertInto('settings').values({ key: 'a', value: '1' }).execute()
    await held
    await db.deleteFrom('settings').execute()
    told.push('first')
  })
  const counted = async (name: string) => {
    const rows = await store.db.selectFrom('settings').selectAll().execute()
    told.push(`${name}: ${rows.length}`)
  }
  const others = [
    counted('a query'),
    store.transaction(async (db) => {
      await db.insertInto('settings').values({ key: 'b', value: '1' }).execute()
      told.push('second')
    }),
    counted('another query'),
  ]
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(told, [])
  goOn()
  await Promise.all([first, ...others])
  assert.deepEqual(told, ['first', 'a query: 0', 'second', 'another query: 1'])
  await store.close()
})

test('a query beside the transaction from inside it is refused instead of waiting for ever', async () => {
  const store = await openStore({ memory: true })
  await assert.rejects(
    store.transaction(() => store.db.selectFrom('settings').selectAll().execute()),
    /from inside/,
  )
  await assert.rejects(
    store.transaction(() => store.transaction(async () => undefined)),
    /from inside/,
  )
  // What was begun inside and goes on after the end is outside.
  let later: Promise<unknown> | undefined
  await store.transaction(async () => {
    later = new Promise((resolve) => setImmediate(resolve)).then(() => store.db.selectFrom('settings').selectAll().execute())
  })
  assert.deepEqual(await later, [])
  await store.close()
})

test('two servers on one data folder: the second is refused, and told which process has it', async (t) => {
  const folder = folderFor(t)
  const store = await openStore({ folder })
  await assert.rejects(
    openStore({ folder }),
    (error: Failure) => failsAs('FOLDER_IN_USE')(error) && error.message.includes(`${process.pid}`),
  )
  await store.close()
  await (await openStore({ folder })).close()
})

test('a database of a newer version is refused and stays as it is', async (t) => {
  const folder = folderFor(t)
  await (await openStore({ folder })).close()
  const file = new DatabaseSync(join(folder, DATABASE_FILE))
  file.exec("insert into kysely_migration values ('9999-from-the-future', '2030-01-01')")
  file.close()
  await assert.rejects(openStore({ folder }), (error: Failure) => failsAs('DATABASE_NEWER')(error) && error.message.includes('9999'))
  const after = new DatabaseSync(join(folder, DATABASE_FILE))
  assert.equal(after.prepare("select count(*) as n from kysely_migration where name like '9999%'").get()?.n, 1)
  after.close()
})

for (const [what, content] of [
  ['text', 'no database at all, but long enough to be looked at as one: '.repeat(20)],
  ['a cut header', 'SQLite format 3\0'],
] as const) {
  test(`a database file that holds ${what} is one clear error, and is left as it is`, async (t) => {
    const folder = folderFor(t)
    await (await openStore({ folder })).close()
    const file = join(folder, DATABASE_FILE)
    writeFileSync(file, content)
    await assert.rejects(openStore({ folder }), failsAs('DATABASE_UNREADABLE'))
    assert.equal(statSync(file).size, content.length)
  })
}

test('a data folder that can not be made is one clear error', async (t) => {
  const folder = folderFor(t)
  writeFileSync(folder, 'a file')
  await assert.rejects(openStore({ folder }), failsAs('FOLDER_UNUSABLE'))
})
