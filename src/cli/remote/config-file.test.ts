import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { UsageError } from '../command.ts'
import { readServers, type ServersConfig, serversFile, writeServers } from './config-file.ts'
import { chooseServer, serverAddress } from './connection.ts'

const config: ServersConfig = {
  current: 'home',
  servers: {
    home: { url: 'https://home.example.org:8443', token: 'home-token', user: 'me' },
    work: { url: 'https://work.example.org', token: 'work-token' },
  },
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'servers-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected

test('G9: the file is readable by its owner only, is written whole, and is refused when others can read it', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'deep', 'servers.json')
    assert.deepEqual(await readServers(file), { current: null, servers: {} })
    await writeServers(file, config)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(dirname(file)).mode & 0o777, 0o700)
    assert.deepEqual(await readServers(file), config)
    assert.deepEqual(readdirSync(dirname(file)), ['servers.json'])
    chmodSync(file, 0o640)
    await assert.rejects(readServers(file), code('CONFIG_UNREADABLE'))
  }))

test('a file that is damaged is an error, not an empty one', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'servers.json')
    for (const text of ['', '{', '[]', '{"servers":null}', '{"servers":{"x":{}}}', '{"current":1,"servers":{}}']) {
      writeFileSync(file, text, { mode: 0o600 })
      await assert.rejects(readServers(file), code('CONFIG_UNREADABLE'), text)
    }
  }))

test('the file is below XDG_CONFIG_HOME unless UNDERSTUDY_CONFIG names it', () => {
  assert.equal(serversFile({ XDG_CONFIG_HOME: '/x', HOME: '/home/me' }), '/x/understudy/servers.json')
  assert.equal(serversFile({ HOME: '/home/me' }), '/home/me/.config/understudy/servers.json')
  assert.equal(serversFile({ UNDERSTUDY_CONFIG: '/y/z.json', HOME: '/home/me' }), '/y/z.json')
})

test('options go before the environment, and that before the file', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'servers.json')
    await writeServers(file, config)
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, ' file-token\n')
    const env = { UNDERSTUDY_CONFIG: file }
    const choose = (server?: string, tokenFile?: string, more: Record<string, string> = {}) =>
      chooseServer({ server, tokenFile }, { ...env, ...more })
    const pick = ({ url, token }: { url: string; token?: string }) => [url, token]
    assert.deepEqual(pick(await choose()), ['https://home.example.org:8443', 'home-token'])
    assert.deepEqual(pick(await choose('work')), ['https://work.example.org', 'work-token'])
    assert.deepEqual(pick(await choose(undefined, undefined, { UNDERSTUDY_SERVER: 'work' })), ['https://work.example.org', 'work-token'])
    assert.deepEqual(pick(await choose('home', tokenFile, { UNDERSTUDY_SERVER: 'work', UNDERSTUDY_TOKEN: 'env-token' })), [
      'https://home.example.org:8443',
      'file-token',
    ])
    assert.deepEqual(pick(await choose(undefined, undefined, { UNDERSTUDY_TOKEN: 'env-token' })), [
      'https://home.example.org:8443',
      'env-token',
    ])
    // An address that is stored has its token; another one has none, whatever is stored.
    assert.deepEqual(pick(await choose('https://work.example.org:443/')), ['https://work.example.org:443/', 'work-token'])
    assert.deepEqual(pick(await choose('https://other.example.org')), ['https://other.example.org', undefined])
    await assert.rejects(choose('nowhere'), code('SERVER_UNKNOWN'))
    // With both given the file is not even read.
    chmodSync(file, 0o644)
    assert.deepEqual(pick(await choose('https://other.example.org', tokenFile)), ['https://other.example.org', 'file-token'])
  }))

test('G9: a token goes over http:// to this machine only, and credentials in an address are refused', () => {
  assert.deepEqual(serverAddress('http://127.0.0.1:8080'), { host: '127.0.0.1', port: 8080, tls: false })
  for (const url of ['http://server.example.org', 'https://me:secret@server.example.org', 'ftp://x', 'server', 'https://x/path'])
    assert.throws(
      () => serverAddress(url),
      (error: Error) => error instanceof UsageError && !/secret|pool/.test(error.message),
    )
})
