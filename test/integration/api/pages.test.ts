/** The page's files: handed out as they are, the page itself for every address of its own, nothing from outside the folder. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashPassword } from '../../../src/api/auth/password.ts'
import { packageFolder } from '../../../src/api/start-server.ts'
import { changeUser } from '../../../src/store/users/change-user.ts'
import { findUserByName } from '../../../src/store/users/find-user.ts'
import { PASSWORDS, testApi } from '../../support/api.ts'

test('the built page is served with a strict policy, its assets for long, its own addresses as the page, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'page'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'web', 'assets'), { recursive: true })
  writeFileSync(join(folder, 'web', 'index.html'), '<!doctype html><title>page</title>')
  writeFileSync(join(folder, 'web', 'assets', 'app-1a2b.js'), 'export {}')
  writeFileSync(join(folder, 'secret.txt'), 'outside')
  const api = await testApi(t, { pageFolder: join(folder, 'web'), docsFolder: packageFolder('docs') })
  const get = (url: string, accept = 'text/html') => api.app.inject({ url, headers: { accept } })
  for (const url of ['/', '/jobs', '/jobs/1b2c/edit?tab=runs', '/setup', '/docsearch']) {
    const answer = await get(url)
    assert.deepEqual([answer.statusCode, answer.body.includes('<title>page')], [200, true], `${url}: ${answer.body}`)
    assert.match(String(answer.headers['content-security-policy']), /script-src 'self'; style-src 'self'/)
    assert.equal(answer.headers['cache-control'], 'no-cache')
  }
  const asset = await get('/assets/app-1a2b.js')
  assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.match(String(asset.headers['content-type']), /javascript/)
  for (const url of ['/assets/none.js', '/api/v1/none', '/api/v2', '/docs/none.md', '/docs/adr/0001-xml-rpc-without-a-package.md']) {
    const answer = await get(url)
    assert.deepEqual([answer.statusCode, answer.json().code], [404, 'NO_SUCH_ADDRESS'], `${url}: ${answer.body.slice(0, 200)}`)
  }
  for (const url of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/docs/..%2fpackage.json',
    '/docs/%2e%2e/package.json',
  ]) {
    const answer = await get(url)
    assert.ok(!answer.body.includes('outside') && !answer.body.includes('"name": "understudy"'), url)
  }
  assert.match((await get('/docs/errors.md', '*/*')).body, /^# Errors/)
  assert.equal((await api.app.inject({ method: 'POST', url: '/jobs', payload: {} })).statusCode, 404)
})

test('a browser gets the documentation as pages under the policy of the page, whose anchors are what problems link to', async (t) => {
  const api = await testApi(t, { docsFolder: packageFolder('docs') })
  const get = (url: string, accept = 'text/html,*/*;q=0.8') => api.app.inject({ url, headers: { accept } })
  const { type } = (await get('/api/v1/none')).json()
  const [path, code] = String(type).split('#')
  const page = await get(path as string)
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  assert.match(String(page.headers['content-security-policy']), /style-src 'self'/)
  assert.ok(page.body.includes(`id="${code}"`), code)
  assert.match((await get('/docs/style.css')).body, /:target/)
  assert.equal((await get('/docs/')).headers.location, '/docs/index.md')
  for (const url of ['/docs/..%2fREADME.md', '/docs/adr%2f0001-xml-rpc-without-a-package.md', '/docs/.md']) {
    assert.equal((await get(url)).statusCode, 404, url)
  }
})

test('a password that was hashed by weaker parameters is hashed anew at the sign-in', async (t) => {
  const api = await testApi(t)
  const stored = async () => (await findUserByName(api.store.db, 'viewer'))!
  await changeUser(api.store, (await stored()).user.id, {
    passwordHash: await hashPassword(PASSWORDS.viewer, { memoryKib: 64, passes: 1, lanes: 1 }),
  })
  await api.signIn('viewer')
  assert.match((await stored()).passwordHash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  await api.signIn('viewer')
})
