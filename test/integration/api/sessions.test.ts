/** Signing in and out, sessions and tokens: what lets somebody in, and what ends it. */
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LOGIN_LIMITS } from '../../../src/api/auth/login-limit.ts'
import { makeSetupLink, SETUP_LINK_MS } from '../../../src/api/auth/setup-links.ts'
import { changeUser } from '../../../src/store/users/change-user.ts'
import { findUserByName } from '../../../src/store/users/find-user.ts'
import { PASSWORDS, type TestApi, testApi } from '../../support/api.ts'

const HOUR = 3_600_000
const GOOD = 'a-long-enough-new-1'
const login = (api: TestApi, name: string, password: string, remoteAddress = '192.0.2.1') =>
  api.app.inject({ method: 'POST', url: '/api/v1/login', payload: { name, password }, remoteAddress })

test('a session is in a cookie that scripts and other sites do not get', async (t) => {
  const plain = await testApi(t)
  const [cookie] = (await login(plain, 'viewer', PASSWORDS.viewer)).cookies
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite, cookie?.path, cookie?.secure], [true, 'Strict', '/', undefined])
  const secure = await testApi(t, { secure: true })
  const [hosted] = (await login(secure, 'viewer', PASSWORDS.viewer)).cookies
  assert.deepEqual([hosted?.name, hosted?.secure, hosted?.httpOnly], ['__Host-understudy', true, true])
})

test('names are one in upper and lower case; wrong names and passwords, and disabled users, are answered alike', async (t) => {
  const api = await testApi(t)
  assert.equal((await login(api, 'Viewer', PASSWORDS.viewer)).statusCode, 200)
  const { user } = (await findUserByName(api.store.db, 'operator'))!
  await changeUser(api.store, user.id, { disabled: true })
  const answers = [
    await login(api, 'nobody', PASSWORDS.viewer),
    await login(api, 'viewer', 'wrong'),
    await login(api, 'operator', PASSWORDS.operator),
  ]
  const said = answers.map((answer) => ({ ...answer.json(), request: '' }))
  assert.deepEqual([said[0].status, said[0].code], [401, 'SIGN_IN_FAILED'])
  assert.deepEqual(said[1], said[0])
  assert.deepEqual(said[2], said[0])
  assert.ok(answers.every(({ cookies }) => cookies.length === 0))
})

test('a session ends when it is not used, and after its time though it is used', async (t) => {
  const api = await testApi(t)
  const status = async (signed: Awaited<ReturnType<TestApi['signIn']>>) => (await api.as(signed, 'GET', '/api/v1/me')).statusCode
  const idle = await api.signIn('viewer')
  api.time += 11 * HOUR
  assert.equal(await status(idle), 200)
  api.time += 11 * HOUR
  assert.equal(await status(idle), 200, 'used in between')
  api.time += 12 * HOUR
  assert.equal(await status(idle), 401)
  const busy = await api.signIn('viewer')
  for (let hours = 0; hours < 7 * 24 - 8; hours += 8) {
    api.time += 8 * HOUR
    assert.equal(await status(busy), 200, `after ${hours + 8} hours`)
  }
  api.time += 8 * HOUR
  assert.equal(await status(busy), 401)
})

test('signing out ends this session and no other', async (t) => {
  const api = await testApi(t)
  const [first, second] = [await api.signIn('viewer'), await api.signIn('viewer')]
  assert.equal((await api.as(first, 'POST', '/api/v1/logout')).statusCode, 204)
  assert.equal((await api.as(first, 'GET', '/api/v1/me')).statusCode, 401)
  assert.equal((await api.as(second, 'GET', '/api/v1/me')).statusCode, 200)
})

test('a new password of one’s own ends the other sessions; it takes the current one, and a good new one', async (t) => {
  const api = await testApi(t)
  const [own, other] = [await api.signIn('operator'), await api.signIn('operator')]
  const change = (currentPassword: string, password: string) => api.as(own, 'PUT', '/api/v1/me/password', { currentPassword, password })
  assert.equal((await change('wrong', GOOD)).json().code, 'SIGN_IN_FAILED')
  for (const weak of ['short', 'aaaaaaaaaaaaaaaa', 'operatoroperator1']) {
    assert.equal((await change(PASSWORDS.operator, weak)).json().code, 'PASSWORD_WEAK', weak)
  }
  assert.equal((await change(PASSWORDS.operator, GOOD)).statusCode, 204)
  assert.equal((await api.as(own, 'GET', '/api/v1/me')).statusCode, 200)
  assert.equal((await api.as(other, 'GET', '/api/v1/me')).statusCode, 401)
  assert.equal((await login(api, 'operator', GOOD)).statusCode, 200)
})

test('a disabled user is out at once, by session and by token; another role counts at once', async (t) => {
  const api = await testApi(t)
  const admin = await api.signIn('administrator')
  const session = await api.signIn('operator')
  const token = await api.token('operator')
  const { user } = (await findUserByName(api.store.db, 'operator'))!
  await api.as(admin, 'PATCH', `/api/v1/users/${user.id}`, { role: 'viewer' })
  assert.equal((await api.with(token, 'POST', '/api/v1/runs', {})).json().code, 'NOT_ALLOWED')
  await api.as(admin, 'PATCH', `/api/v1/users/${user.id}`, { disabled: true })
  assert.equal((await api.as(session, 'GET', '/api/v1/me')).statusCode, 401)
  assert.equal((await api.with(token, 'GET', '/api/v1/me')).statusCode, 401)
  await api.as(admin, 'PATCH', `/api/v1/users/${user.id}`, { disabled: false })
  assert.equal((await api.as(session, 'GET', '/api/v1/me')).statusCode, 401, 'the session is gone for good')
  assert.equal((await api.with(token, 'GET', '/api/v1/me')).statusCode, 200)
})

test('somebody can always administer: the last administrator is neither removed, disabled nor demoted', async (t) => {
  const api = await testApi(t)
  const admin = await api.signIn('administrator')
  const { user } = (await findUserByName(api.store.db, 'administrator'))!
  const url = `/api/v1/users/${user.id}`
  for (const answer of [
    await api.as(admin, 'DELETE', url),
    await api.as(admin, 'PATCH', url, { disabled: true }),
    await api.as(admin, 'PATCH', url, { role: 'operator' }),
  ]) {
    assert.deepEqual([answer.statusCode, answer.json().code], [409, 'LAST_ADMINISTRATOR'])
  }
  const added = await api.as(admin, 'POST', '/api/v1/users', { name: 'second', role: 'administrator', password: GOOD })
  assert.equal(added.statusCode, 201)
  assert.equal(added.headers.location, `/api/v1/users/${added.json().id}`)
  assert.equal(
    (await api.as(admin, 'POST', '/api/v1/users', { name: 'SECOND', role: 'viewer', password: GOOD })).json().code,
    'USER_EXISTS',
  )
  assert.equal((await api.as(admin, 'DELETE', url)).statusCode, 204)
  assert.equal((await api.as(admin, 'GET', '/api/v1/me')).statusCode, 401)
})

test('a token can do no more and lives no longer than what it is made with; it is shown once and revoked for good', async (t) => {
  const api = await testApi(t)
  const operator = await api.signIn('operator')
  const add = (role: string, expiresAt: string | null) => api.as(operator, 'POST', '/api/v1/tokens', { name: 'ci', role, expiresAt })
  assert.equal((await add('administrator', null)).json().code, 'TOKEN_BEYOND')
  assert.equal((await add('viewer', new Date(api.time).toISOString())).json().code, 'INPUT_INVALID')
  const made = (await add('viewer', new Date(api.time + HOUR).toISOString())).json<{ id: string; secret: string }>()
  assert.match(made.secret, /^usy_[\w-]{43}$/)
  assert.equal((await api.with(made.secret, 'GET', '/api/v1/me')).json().role, 'viewer')
  assert.equal((await api.with(made.secret, 'POST', '/api/v1/runs', {})).json().code, 'NOT_ALLOWED')
  for (const expiresAt of [null, new Date(api.time + 2 * HOUR).toISOString()]) {
    assert.equal(
      (await api.with(made.secret, 'POST', '/api/v1/tokens', { name: 'more', role: 'viewer', expiresAt })).json().code,
      'TOKEN_BEYOND',
    )
  }
  const list = await api.as(operator, 'GET', '/api/v1/tokens')
  assert.equal(list.json().items.length, 1)
  assert.ok(!list.body.includes(made.secret))
  const viewer = await api.signIn('viewer')
  assert.equal((await api.as(viewer, 'DELETE', `/api/v1/tokens/${made.id}`)).json().code, 'TOKEN_NOT_FOUND', "somebody else's")
  api.time += HOUR
  assert.equal((await api.with(made.secret, 'GET', '/api/v1/me')).statusCode, 401, 'past its end')
  const lasting = (await add('operator', null)).json<{ id: string; secret: string }>()
  assert.equal((await api.with(lasting.secret, 'GET', '/api/v1/me')).statusCode, 200)
  assert.equal((await api.as(operator, 'DELETE', `/api/v1/tokens/${lasting.id}`)).statusCode, 204)
  assert.equal((await api.with(lasting.secret, 'GET', '/api/v1/me')).statusCode, 401)
})

test('guessing is slowed down: by name and network, and it says for how long; the owner still gets in from where they were before', async (t) => {
  const api = await testApi(t)
  assert.equal((await login(api, 'viewer', PASSWORDS.viewer, '198.51.100.7')).statusCode, 200)
  for (let n = 0; n < LOGIN_LIMITS.perNameAndNetwork; n++)
    assert.equal((await login(api, 'viewer', 'guess', '203.0.113.9')).statusCode, 401)
  const limited = await login(api, 'viewer', PASSWORDS.viewer, '203.0.113.9')
  assert.deepEqual([limited.statusCode, limited.json().code], [429, 'SIGN_IN_LIMITED'])
  const seconds = Number(limited.headers['retry-after'])
  assert.ok(seconds > 0 && seconds <= LOGIN_LIMITS.windowMs / 1000)
  assert.equal((await login(api, 'viewer', PASSWORDS.viewer, '198.51.100.7')).statusCode, 200)
  api.time += seconds * 1000
  assert.equal((await login(api, 'viewer', PASSWORDS.viewer, '203.0.113.9')).statusCode, 200)
})

test('the one-time link makes an administrator once, for a day, and only the newest is good', async (t) => {
  const api = await testApi(t)
  const setup = (link: string, name = 'chief', password = GOOD) =>
    api.app.inject({ method: 'POST', url: '/api/v1/setup', payload: { link, name, password } })
  const old = makeSetupLink(api.folder, api.time)
  const link = makeSetupLink(api.folder, api.time)
  assert.equal(statSync(join(api.folder, 'setup-link.json')).mode & 0o777, 0o600)
  assert.ok(!readFileSync(join(api.folder, 'setup-link.json'), 'utf8').includes(link))
  assert.equal((await setup(old)).json().code, 'LINK_INVALID')
  assert.equal((await setup(link, 'chief', 'weak')).json().code, 'PASSWORD_WEAK', 'the link is not used up by that')
  const done = await setup(link)
  assert.equal(done.statusCode, 201, done.body)
  assert.equal(done.json().user.role, 'administrator')
  assert.equal(done.cookies.length, 1)
  assert.equal((await setup(link)).json().code, 'LINK_INVALID')
  const late = makeSetupLink(api.folder, api.time)
  api.time += SETUP_LINK_MS
  assert.equal((await setup(late)).json().code, 'LINK_INVALID')
  // The way back in of somebody who forgot theirs, and whom somebody disabled.
  const { user } = (await findUserByName(api.store.db, 'viewer'))!
  await changeUser(api.store, user.id, { disabled: true })
  assert.equal((await setup(makeSetupLink(api.folder, api.time), 'viewer')).json().user.id, user.id)
  assert.equal((await login(api, 'viewer', GOOD)).json().role, 'administrator')
})

test('the server tells whether it waits for its first administrator', async (t) => {
  const api = await testApi(t)
  const needed = async () => (await api.app.inject({ url: '/api/v1/setup' })).json().needed
  assert.equal(await needed(), false)
  await api.store.transaction((db) => db.deleteFrom('users').execute())
  assert.equal(await needed(), true)
})

test('who did what is recorded: sign-ins, refusals and changes with what came of them, and no unknown name, which may be a password', async (t) => {
  const api = await testApi(t)
  await login(api, 'operator', 'wrong')
  await login(api, 'my-real-password', 'x')
  const operator = await api.signIn('operator')
  await api.as(operator, 'POST', '/api/v1/users', { name: 'x', role: 'viewer', password: GOOD })
  const admin = await api.signIn('administrator')
  const added = await api.as(admin, 'POST', '/api/v1/users', { name: 'eve', role: 'viewer', password: GOOD })
  await api.as(admin, 'DELETE', '/api/v1/users/none')
  const log = await api.as(admin, 'GET', '/api/v1/audit')
  const entries = log
    .json()
    .items.map(({ actor, action, object, outcome }: { actor: { name: string }; action: string; object: { id: string }; outcome: string }) =>
      [actor.name, action, outcome, object.id].join(' '),
    )
  const id = async (name: string) => (await findUserByName(api.store.db, name))?.user.id
  assert.deepEqual(entries.toReversed(), [
    `nobody login SIGN_IN_FAILED ${await id('operator')}`,
    'nobody login SIGN_IN_FAILED ',
    `operator login done ${await id('operator')}`,
    'operator user.add NOT_ALLOWED ',
    `administrator login done ${await id('administrator')}`,
    `administrator user.add done ${added.json().id}`,
    'administrator user.remove USER_NOT_FOUND none',
  ])
  for (const secret of ['my-real-password', GOOD, PASSWORDS.operator]) assert.ok(!log.body.includes(secret), secret)
  const page = (await api.as(admin, 'GET', '/api/v1/audit?limit=3')).json()
  assert.equal(page.items.length, 3)
  assert.equal((await api.as(admin, 'GET', `/api/v1/audit?limit=100&after=${encodeURIComponent(page.next)}`)).json().items.length, 4)
  assert.equal((await api.as(admin, 'GET', '/api/v1/audit?action=login')).json().items.length, 4)
})
