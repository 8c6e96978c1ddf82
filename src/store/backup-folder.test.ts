import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { Failure } from '../core/failure.ts'
import { backupFolder, restoreFolder } from './backup-folder.ts'
import { DATABASE_FILE, openStore } from './open-store.ts'

const NOW = new Date('2026-06-01T12:00:00.000Z')
const failsAs = (code: string) => (error: unknown) => {
  assert.equal((error as Failure).code, code, String(error))
  return true
}

/** A data folder beside room for backups. */
function folders(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'backup-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  return { folder: join(root, 'data'), file: join(root, 'backup'), root }
}

async function put(folder: string, value: string): Promise<void> {
  const store = await openStore({ folder })
  await store.transaction((db) => db.insertInto('settings').values({ key: value, value }).execute())
  await store.close()
}

async function keysOf(folder: string): Promise<string[]> {
  const store = await openStore({ folder })
  const rows = await store.db.selectFrom('settings').select('key').orderBy('key').execute()
  await store.close()
  return rows.map(({ key }) => key)
}

test('a backup taken while the server writes holds what was stored before, and can be restored', async (t) => {
  const { folder, file, root } = folders(t)
  const store = await openStore({ folder })
  const insert = (key: string) =>
    store.db
      .insertInto('settings')
      .values({ key, value: 'x'.repeat(500) })
      .execute()
  for (let count = 0; count < 500; count++) await insert(`before ${count}`)
  let writing = true
  const writer = (async () => {
    for (let count = 0; writing; count++) {
      await insert(`meanwhile ${count}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await store.backup(file)
  await backupFolder(folder, join(root, 'from outside'))
  writing = false
  await writer
  await store.close()
  for (const backup of [file, join(root, 'from outside')]) {
    assert.equal(statSync(backup).mode & 0o777, 0o600)
    const restored = join(root, `restored ${backup.length}`)
    assert.deepEqual(await restoreFolder(restored, backup, NOW), { kept: undefined })
    const keys = await keysOf(restored)
    assert.equal(keys.filter((key) => key.startsWith('before')).length, 500)
  }
  assert.deepEqual(
    readdirSync(root).filter((name) => name.includes('part')),
    [],
  )
})

test('a restore keeps the database that was in use', async (t) => {
  const { folder, file } = folders(t)
  await put(folder, 'one')
  await backupFolder(folder, file)
  await put(folder, 'two')
  const first = await restoreFolder(folder, file, NOW)
  assert.deepEqual(await keysOf(folder), ['one'])
  const second = await restoreFolder(folder, first.kept as string, NOW)
  assert.deepEqual(await keysOf(folder), ['one', 'two'])
  assert.notEqual(second.kept, first.kept)
  assert.ok(existsSync(first.kept as string) && existsSync(second.kept as string))
})

test('a restore while a server uses the folder is refused', async (t) => {
  const { folder, file } = folders(t)
  await put(folder, 'one')
  await backupFolder(folder, file)
  const store = await openStore({ folder })
  await assert.rejects(restoreFolder(folder, file, NOW), failsAs('FOLDER_IN_USE'))
  await store.close()
})

test('garbage, other databases, damaged and newer backups are refused, and the database stays in use', async (t) => {
  const { folder, file, root } = folders(t)
  await put(folder, 'one')
  await backupFolder(folder, file)
  const bad = (name: string, make: (path: string) => void) => {
    const path = join(root, name)
    make(path)
    return path
  }
  const refused: [path: string, code: string][] = [
    [join(root, 'nowhere'), 'BACKUP_UNUSABLE'],
    [root, 'BACKUP_UNUSABLE'],
    [bad('empty', (path) => writeFileSync(path, '')), 'BACKUP_UNUSABLE'],
    [bad('text', (path) => writeFileSync(path, 'no database '.repeat(1000))), 'BACKUP_UNUSABLE'],
    [bad('cut', (path) => writeFileSync(path, readFileSync(file).subarray(0, 8192))), 'BACKUP_UNUSABLE'],
    [
      bad('overwritten', (path) => {
        const bytes = readFileSync(file)
        bytes.fill(0x5a, 3 * 4096, bytes.length - 4096)
        writeFileSync(path, bytes)
      }),
      'BACKUP_UNUSABLE',
    ],
    [bad('another', (path) => sqlite(path, 'create table t (a)')), 'BACKUP_UNUSABLE'],
    [
      bad('newer', (path) => {
        writeFileSync(path, readFileSync(file))
        sqlite(path, "insert into kysely_migration values ('9999-later', '2030-01-01')")
      }),
      'DATABASE_NEWER',
    ],
  ]
  for (const [path, code] of refused) {
    await assert.rejects(restoreFolder(folder, path, NOW), failsAs(code), path)
    assert.deepEqual(await keysOf(folder), ['one'])
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => /restor/.test(name)),
    [],
  )
})

test('a damaged database is replaced, and kept with its log as it was', async (t) => {
  const { folder, file } = folders(t)
  await put(folder, 'one')
  await backupFolder(folder, file)
  const bytes = Buffer.alloc(20_000, 'damage')
  writeFileSync(join(folder, DATABASE_FILE), bytes)
  writeFileSync(join(folder, `${DATABASE_FILE}-wal`), 'a log')
  const { kept } = await restoreFolder(folder, file, NOW)
  assert.deepEqual(readFileSync(kept as string), bytes)
  assert.equal(readFileSync(`${kept}-wal`, 'utf8'), 'a log')
  assert.deepEqual(await keysOf(folder), ['one'])
})

test('no backup overwrites a file, and one that can not be written says so', async (t) => {
  const { folder, file, root } = folders(t)
  await put(folder, 'one')
  writeFileSync(file, 'precious')
  await assert.rejects(backupFolder(folder, file), failsAs('BACKUP_EXISTS'))
  assert.equal(readFileSync(file, 'utf8'), 'precious')
  await assert.rejects(backupFolder(folder, join(root, 'no', 'such', 'folder')), failsAs('BACKUP_FAILED'))
  await assert.rejects(backupFolder(join(root, 'no data'), join(root, 'other')), failsAs('DATABASE_UNREADABLE'))
})

function sqlite(path: string, command: string): void {
  const database = new DatabaseSync(path)
  database.exec(command)
  database.close()
}
