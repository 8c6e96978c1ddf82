/**
 * The whole server as a process: its first start, a session through its API, and its end. G9: no secret that was used anywhere is found in
 * what it printed, in what it answered, or in its files.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { UNDERSTUDY } from '../../support/command-line.ts'

const PASSWORD = 'chief-password-3141592'
const SECRETS = {
  password: PASSWORD,
  'wrong password': 'guess-2718281828',
  'password of a user': 'user-password-1618033',
  'password of a pool': 'pool-password-1414213',
  'secret of a channel': 'channel-secret-1732050',
}

test('G9: a server starts, works, ends when it is told to, and none of its secrets is in logs, answers or files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'serve'))
  const args = [UNDERSTUDY, 'serve', '--data', folder, '--port', '0', '--no-tls', '--json', '--log-level', 'trace', '--grace', '5']
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(server, 'exit') as Promise<[number | null, string | null]>
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  t.after(() => {
    server.kill('SIGKILL')
    return ended
  })
  let printed = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const lines = createInterface({ input: server.stdout })
  const ready = JSON.parse(((await once(lines, 'line')) as [string])[0]) as { url: string; firstStart: string; fingerprint: null }
  lines.on('line', (line) => {
    printed += line
  })
  const link = new URL(ready.firstStart).hash.slice(1)
  const secrets: Record<string, string> = { ...SECRETS, link }
  const answers: string[] = []

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${ready.url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text(), cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' }
  }
  const kept = async (...request: Parameters<typeof call>) => {
    const answer = await call(...request)
    answers.push(answer.text)
    return answer
  }

  const setup = await kept('POST', '/api/v1/setup', { link, name: 'chief', password: PASSWORD })
  assert.equal(setup.status, 201, setup.text)
  assert.equal((await kept('POST', '/api/v1/login', { name: 'chief', password: SECRETS['wrong password'] })).status, 401)
  assert.equal((await kept('POST', '/api/v1/login', { name: SECRETS['wrong password'], password: 'x' })).status, 401)
  const login = await kept('POST', '/api/v1/login', { name: 'chief', password: PASSWORD })
  secrets.cookie = login.cookie.split('=')[1] as string
  secrets['first cookie'] = setup.cookie.split('=')[1] as string
  const session = { cookie: login.cookie, 'x-csrf-token': (JSON.parse(login.text) as { csrf: string }).csrf }
  // Shown this once, so not among the answers that are looked through.
  const made = await call('POST', '/api/v1/tokens', { name: 'ci', role: 'administrator', expiresAt: null }, session)
  secrets.token = (JSON.parse(made.text) as { secret: string }).secret
  const token = { authorization: `Bearer ${secrets.token}` }
  const user = await kept('POST', '/api/v1/users', { name: 'eve', role: 'viewer', password: SECRETS['password of a user'] }, token)
  assert.equal(user.status, 201, user.text)
  const channel = { kind: 'webhook', name: 'ops', enabled: false, url: 'http://127.0.0.1:9/hook', secret: SECRETS['secret of a channel'] }
  assert.equal((await kept('POST', '/api/v1/channels', channel, { ...token, 'idempotency-key': 'one' })).status, 201)
  assert.equal((await kept('POST', '/api/v1/channels', channel, { ...token, 'idempotency-key': 'one' })).status, 201)
  // Nothing listens there: what connecting fails with must not carry the password.
  const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':')
  const pool = { url: 'https://127.0.0.1:1', user: 'root', password: SECRETS['password of a pool'], fingerprint }
  assert.ok((await kept('POST', '/api/v1/pools', pool, token)).status >= 400)
  assert.ok((await kept('POST', '/api/v1/pools', { ...pool, url: `https://root:${pool.password}@127.0.0.1:1` }, token)).status >= 400)
  assert.equal((await kept('POST', '/api/v1/pools', { ...pool, password: [SECRETS['password of a pool']] }, token)).status, 422)
  assert.equal((await kept('GET', `/api/v1/jobs/x?token=${secrets.token}`, undefined, token)).status, 404)
  for (const path of [
    'audit?limit=500',
    'users',
    'tokens',
    'channels',
    'pools',
    'me',
    'server',
    'settings',
    'jobs',
    'runs',
    'alerts',
    'protections',
  ]) {
    assert.equal((await kept('GET', `/api/v1/${path}`, undefined, token)).status, 200, path)
  }
  assert.equal((await kept('GET', '/metrics', undefined, token)).status, 200)
  assert.equal((await kept('GET', '/readyz')).status, 200)

  const events = await fetch(`${ready.url}/api/v1/events`, { headers: token })
  const reader = events.body!.getReader()
  assert.match(Buffer.from((await reader.read()).value!).toString(), /event: hello/)
  const held = new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file)).toString('latin1')] as const))
  server.kill('SIGTERM')
  while (!(await reader.read()).done);
  assert.deepEqual(await ended, [0, null], printed)

  for (const file of readdirSync(folder)) held.set(`${file} at the end`, readFileSync(join(folder, file)).toString('latin1'))
  assert.ok(held.has('understudy.sqlite at the end'))
  for (const [what, secret] of Object.entries(secrets)) {
    assert.ok(secret.length >= 12, what)
    assert.ok(!printed.includes(secret), `the log has the ${what}`)
    assert.equal(
      answers.find((answer) => answer.includes(secret)),
      undefined,
      `an answer has the ${what}`,
    )
    for (const [file, content] of held) assert.ok(!content.includes(secret), `${file} has the ${what}`)
  }
  assert.ok(printed.includes('"msg":"request"'), 'there was a log to look through')
})
