import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Failure } from '../../core/failure.ts'
import { DATABASE_FILE, openStore, type Store } from '../open-store.ts'
import { insertPool } from '../pools/insert-pool.ts'
import { listPools } from '../pools/list-pools.ts'
import { openSecrets, type Secrets } from './secrets.ts'

const failsAs = (code: string) => (error: unknown) => {
  assert.equal((error as Failure).code, code)
  return true
}
const KEY = Buffer.alloc(32, 7).toString('base64')
const OTHER = Buffer.alloc(32, 8).toString('hex')

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Opens store and secrets of a folder for as long as `use` takes. */
async function using<T>(folder: string, env: Record<string, string>, use: (secrets: Secrets, store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ folder })
  try {
    return await use(await openSecrets(store, env), store)
  } finally {
    await store.close()
  }
}

async function addPool(secrets: Secrets, store: Store, id: string, password: string): Promise<void> {
  const record = {
    id,
    name: id,
    url: 'https://pool',
    user: 'root',
    fingerprints: [],
    poolUuid: `uuid of ${id}`,
    enabled: true,
    createdAt: '2026-01-01T00:00:00.000Z',
  }
  await store.transaction(async (db) => {
    const secret = secrets.seal(db, { table: 'pools', id }, password)
    assert.equal(await insertPool(db, { record, secret, lastSeenAt: null }), 'inserted')
  })
}

async function passwords(secrets: Secrets, store: Store): Promise<string[]> {
  return (await listPools(store.db)).map(({ record, secret }) => secrets.open({ table: 'pools', id: record.id }, secret))
}

test('the first start makes a key that only its owner can read; the next one uses it', async (t) => {
  const folder = folderFor(t)
  await using(folder, {}, (secrets, store) => addPool(secrets, store, 'a', 'geheim'))
  assert.equal(statSync(join(folder, 'secrets.key')).mode & 0o777, 0o600)
  assert.deepEqual(await using(folder, {}, passwords), ['geheim'])
  for (const file of [DATABASE_FILE]) assert.ok(!readFileSync(join(folder, file)).includes('geheim'), 'G9: not in clear')
})

test('a key that others can read is refused, with what to do', async (t) => {
  const folder = folderFor(t)
  await using(folder, {}, async () => undefined)
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(join(folder, 'secrets.key'), mode)
    await assert.rejects(using(folder, {}, passwords), (error: Failure) => failsAs('KEY_UNUSABLE')(error) && /chmod 600/.test(error.hint))
  }
  chmodSync(join(folder, 'secrets.key'), 0o600)
  await using(folder, {}, passwords)
})

test('a missing or wrong key is one clear error at the start, and nothing is lost', async (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'secrets.key')
  await using(folder, {}, (secrets, store) => addPool(secrets, store, 'a', 'geheim'))
  const kept = join(folder, 'kept')
  renameSync(file, kept)
  await assert.rejects(using(folder, {}, passwords), failsAs('KEY_MISSING'))
  assert.ok(!existsSync(file), 'no new key is made while something is sealed with the old one')
  await assert.rejects(using(folder, { UNDERSTUDY_KEY: KEY }, passwords), failsAs('KEY_WRONG'))
  writeFileSync(file, `${KEY}\n`, { mode: 0o600 })
  await assert.rejects(using(folder, {}, passwords), failsAs('KEY_WRONG'))
  copyFileSync(kept, file)
  assert.deepEqual(await using(folder, {}, passwords), ['geheim'])
})

test('the key may come from the environment, in two spellings, or from a file elsewhere', async (t) => {
  const folder = folderFor(t)
  const env = { UNDERSTUDY_KEY: KEY }
  await using(folder, env, (secrets, store) => addPool(secrets, store, 'a', 'geheim'))
  assert.ok(!existsSync(join(folder, 'secrets.key')))
  const file = join(folder, 'elsewhere')
  writeFileSync(file, `${Buffer.from(KEY, 'base64').toString('hex')}\n`, { mode: 0o600 })
  assert.deepEqual(await using(folder, { UNDERSTUDY_KEY_FILE: file }, passwords), ['geheim'])
  await assert.rejects(using(folder, { UNDERSTUDY_KEY_FILE: join(folder, 'nowhere') }, passwords), failsAs('KEY_UNUSABLE'))
  await assert.rejects(using(folder, { ...env, UNDERSTUDY_KEY_FILE: file }, passwords), failsAs('KEY_UNUSABLE'))
  for (const text of ['short', `${KEY}x`, 'ä'.repeat(43), KEY.slice(4)]) {
    await assert.rejects(
      using(folder, { UNDERSTUDY_KEY: text }, passwords),
      (error: Failure) => failsAs('KEY_UNUSABLE')(error) && !error.message.includes(text),
    )
  }
})

test('after a rotation everything opens with the new key, and nothing with the old one', async (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'secrets.key')
  await using(folder, {}, async (secrets, store) => {
    await addPool(secrets, store, 'a', 'one')
    await addPool(secrets, store, 'b', 'two')
    const [before, old] = [readFileSync(file, 'utf8'), secrets.keyId]
    assert.equal(await secrets.rotate(), 2)
    assert.notEqual(readFileSync(file, 'utf8'), before)
    assert.notEqual(secrets.keyId, old)
    assert.ok((await listPools(store.db)).every(({ secret }) => secret.includes(secrets.keyId)))
    await addPool(secrets, store, 'c', 'three')
    writeFileSync(join(folder, 'old'), before, { mode: 0o600 })
  })
  assert.deepEqual(await using(folder, {}, passwords), ['one', 'two', 'three'])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.ok(!existsSync(`${file}.next`))
  await assert.rejects(using(folder, { UNDERSTUDY_KEY_FILE: join(folder, 'old') }, passwords), failsAs('KEY_WRONG'))
})

test('a rotation that fails leaves the old key and all that it sealed', async (t) => {
  const folder = folderFor(t)
  await using(folder, {}, async (secrets, store) => {
    await addPool(secrets, store, 'a', 'one')
    await addPool(secrets, store, 'b', 'two')
    await store.db.updateTable('pools').set({ secret: 'damaged' }).where('id', '=', 'b').execute()
    await assert.rejects(secrets.rotate(), failsAs('SECRET_DAMAGED'))
    await store.db.deleteFrom('pools').where('id', '=', 'b').execute()
    assert.deepEqual(await passwords(secrets, store), ['one'])
  })
  assert.deepEqual(await using(folder, {}, passwords), ['one'])
})

test('a rotation killed on either side of its commit: the next start goes on with the right key', async (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'secrets.key')
  await using(folder, {}, (secrets, store) => addPool(secrets, store, 'a', 'geheim'))
  // Before: the next key is there, the database knows nothing of it.
  writeFileSync(`${file}.next`, `${KEY}\n`, { mode: 0o600 })
  assert.deepEqual(await using(folder, {}, passwords), ['geheim'])
  assert.ok(!existsSync(`${file}.next`))
  // After: the database is sealed with the next key, the file is not in its place yet.
  const old = readFileSync(file)
  await using(folder, {}, (secrets) => secrets.rotate())
  renameSync(file, `${file}.next`)
  writeFileSync(file, old, { mode: 0o600 })
  assert.deepEqual(await using(folder, {}, passwords), ['geheim'])
  assert.ok(!existsSync(`${file}.next`))
  assert.deepEqual(await using(folder, {}, passwords), ['geheim'])
})

test('a key of the environment is rotated to the one that stands beside it', async (t) => {
  const folder = folderFor(t)
  await using(folder, { UNDERSTUDY_KEY: KEY }, async (secrets, store) => {
    await addPool(secrets, store, 'a', 'geheim')
    await assert.rejects(secrets.rotate(), failsAs('KEY_UNUSABLE'))
    assert.deepEqual(await passwords(secrets, store), ['geheim'])
  })
  await using(folder, { UNDERSTUDY_KEY: KEY, UNDERSTUDY_NEW_KEY: OTHER }, (secrets) => secrets.rotate())
  assert.deepEqual(await using(folder, { UNDERSTUDY_KEY: OTHER }, passwords), ['geheim'])
  await assert.rejects(using(folder, { UNDERSTUDY_KEY: KEY }, passwords), failsAs('KEY_WRONG'))
})
