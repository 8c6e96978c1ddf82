/** `understudy server`: backup, restore and the rotation of the key, as processes on a data folder. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../../src/store/open-store.ts'
import { openSecrets } from '../../src/store/secrets/secrets.ts'

const bin = join(import.meta.dirname, '..', '..', 'bin', 'understudy.js')

function server(folder: string, ...args: string[]) {
  const env = { ...process.env, UNDERSTUDY_DATA: folder, UNDERSTUDY_KEY: '', UNDERSTUDY_KEY_FILE: '' }
  return spawnSync(process.execPath, [bin, 'server', ...args], { encoding: 'utf8', timeout: 60_000, env })
}

async function withFolder(use: (folder: string, scratch: string) => Promise<void>): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'server-'))
  try {
    await use(join(scratch, 'data'), scratch)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

async function setting(folder: string, value?: string): Promise<string | undefined> {
  const store = await openStore({ folder })
  try {
    await openSecrets(store, {})
    if (value !== undefined) {
      const put = store.db.insertInto('settings').values({ key: 'probe', value })
      await put.onConflict((on) => on.column('key').doUpdateSet({ value })).execute()
    }
    return (await store.db.selectFrom('settings').select('value').where('key', '=', 'probe').executeTakeFirst())?.value
  } finally {
    await store.close()
  }
}

test('a backup taken while the server has the folder is what a restore puts back, and the replaced database is kept', () =>
  withFolder(async (folder, scratch) => {
    const file = join(scratch, 'backup.sqlite')
    await setting(folder, 'before')
    const store = await openStore({ folder })
    try {
      const made = server(folder, 'backup', file)
      assert.equal(made.status, 0, made.stderr)
      assert.equal(statSync(file).mode & 0o777, 0o600)
      const again = server(folder, 'backup', file)
      assert.equal(again.status, 1)
      assert.match(again.stderr, /^understudy server: .*no backup is overwritten\)\n$/)
      const inUse = server(folder, 'restore', file)
      assert.equal(inUse.status, 1)
      assert.match(inUse.stderr, /another server|stop that one/)
    } finally {
      await store.close()
    }
    await setting(folder, 'after')
    const restored = server(folder, 'restore', file, '--json')
    assert.equal(restored.status, 0, restored.stderr)
    const { kept } = JSON.parse(restored.stdout) as { kept: string }
    assert.ok(existsSync(kept))
    assert.equal(await setting(folder), 'before')
  }))

test('a backup goes into a new folder, and is of use with its own key only: without it and with another the error says so', () =>
  withFolder(async (folder, scratch) => {
    const file = join(scratch, 'backup.sqlite')
    await setting(folder, 'kept')
    assert.equal(server(folder, 'backup', file).status, 0)
    const other = join(scratch, 'other machine')
    const restored = server(other, 'restore', file)
    assert.equal(restored.status, 0, restored.stderr)
    await assert.rejects(setting(other), { code: 'KEY_MISSING' })
    const key = readFileSync(join(folder, 'secrets.key'), 'utf8')
    assert.equal(server(folder, 'rotate-key').status, 0)
    writeFileSync(join(other, 'secrets.key'), readFileSync(join(folder, 'secrets.key'), 'utf8'), { mode: 0o600 })
    await assert.rejects(setting(other), { code: 'KEY_WRONG' })
    writeFileSync(join(other, 'secrets.key'), key, { mode: 0o600 })
    assert.equal(await setting(other), 'kept')
  }))

test('the key is rotated, and the folder opens with the new one', () =>
  withFolder(async (folder) => {
    await setting(folder, 'x')
    const before = readFileSync(join(folder, 'secrets.key'), 'utf8')
    const rotated = server(folder, 'rotate-key')
    assert.equal(rotated.status, 0, rotated.stderr)
    assert.notEqual(readFileSync(join(folder, 'secrets.key'), 'utf8'), before)
    assert.ok(!`${rotated.stdout}${rotated.stderr}`.includes(readFileSync(join(folder, 'secrets.key'), 'utf8').trim()))
    assert.equal(await setting(folder), 'x')
  }))

test('a folder without a database is one clear error', () =>
  withFolder(async (folder, scratch) => {
    const { status, stderr } = server(folder, 'backup', join(scratch, 'x'))
    assert.equal(status, 1)
    assert.match(stderr, /^understudy server: there is no database in .* \(name the data folder of the server\)\n$/)
  }))
