import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPassword, HASH_COST, hashPassword } from './password.ts'

const cheap = { memoryKib: 64, passes: 1, lanes: 1 }

test('a hash is argon2id in PHC format with a salt of its own, and only its password is right', async () => {
  const [first, second] = await Promise.all([hashPassword('correct horse', cheap), hashPassword('correct horse', cheap)])
  assert.match(first, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(first, second)
  assert.deepEqual(await checkPassword('correct horse', first, cheap), { right: true, outdated: false })
  assert.deepEqual(await checkPassword('correct horsf', first, cheap), { right: false, outdated: false })
})

test('a hash of weaker parameters is recognised when its password was right; the ones in use are those of OWASP', async () => {
  const hash = await hashPassword('correct horse', cheap)
  assert.deepEqual(await checkPassword('correct horse', hash), { right: true, outdated: true })
  assert.deepEqual(await checkPassword('wrong', hash), { right: false, outdated: false })
  assert.deepEqual(HASH_COST, { memoryKib: 19_456, passes: 2, lanes: 1 })
})

test('what is no hash is no password', async () => {
  for (const text of ['', 'x', '$argon2i$v=19$m=64,t=1,p=1$YWFhYWFhYWE$YWFhYQ', '$argon2id$v=19$m=64,t=1,p=1$$']) {
    assert.deepEqual(await checkPassword('x', text, cheap), { right: false, outdated: false }, text)
  }
})

test('more than a few at once wait, and far more are refused at once', async () => {
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => hashPassword('x', cheap)))
  const refused = results.filter((result) => result.status === 'rejected')
  assert.ok(refused.length > 0 && refused.length < 100)
  assert.ok(refused.every(({ reason }) => (reason as { code: string }).code === 'SERVER_BUSY'))
  assert.equal((await checkPassword('x', await hashPassword('x', cheap), cheap)).right, true, 'and then it goes on')
})
