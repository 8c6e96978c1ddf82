import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Failure } from '../../core/failure.ts'
import { newSecretKey, open, seal, secretKey } from './seal.ts'

const failsAs = (code: string) => (error: unknown) => (error as Failure).code === code
const owner = 'pools/one/secret'

test('G9: what is sealed comes back whole, and shows nothing of itself', () => {
  const key = newSecretKey()
  for (const secret of ['', 'secret', 'Grüße \u{1f511} "quoted"', 'long '.repeat(2_000)]) {
    const sealed = seal(key, owner, secret)
    assert.equal(open([newSecretKey(), key], owner, sealed), secret)
    if (secret.length > 3) assert.ok(!sealed.includes(secret) && !Buffer.from(sealed.split('.')[3] ?? '', 'base64url').includes(secret))
    assert.notEqual(seal(key, owner, secret), sealed, 'the same secret twice does not look the same')
  }
  assert.ok(!seal(key, owner, 'x').includes(key.bytes.toString('base64url')))
})

test('a secret that was moved to another row can not be opened there', () => {
  const key = newSecretKey()
  const sealed = seal(key, owner, 'secret')
  assert.throws(() => open([key], 'pools/two/secret', sealed), failsAs('SECRET_DAMAGED'))
  assert.throws(() => open([key], 'channels/one/secret', sealed), failsAs('SECRET_DAMAGED'))
})

test('a secret of which anything was altered can not be opened', () => {
  const key = newSecretKey()
  const [version, id, nonce = '', data = ''] = seal(key, owner, 'secret').split('.')
  const flipped = (text: string, at: number) => {
    const bytes = Buffer.from(text, 'base64url')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return bytes.toString('base64url')
  }
  const size = Buffer.from(data, 'base64url').length
  const altered = [
    ...Array.from({ length: size }, (_, at) => [version, id, nonce, flipped(data, at)].join('.')),
    ...Array.from({ length: 12 }, (_, at) => [version, id, flipped(nonce, at), data].join('.')),
    [version, id, nonce, data.slice(0, 10)].join('.'),
    [version, id, nonce, ''].join('.'),
    [version, id, '', data].join('.'),
    ['v2', id, nonce, data].join('.'),
    [version, id, nonce].join('.'),
    '',
    'in clear',
  ]
  for (const sealed of altered) assert.throws(() => open([key], owner, sealed), failsAs('SECRET_DAMAGED'), sealed)
})

test('another key is told as such', () => {
  const sealed = seal(newSecretKey(), owner, 'secret')
  assert.throws(() => open([newSecretKey()], owner, sealed), failsAs('KEY_WRONG'))
  assert.throws(() => open([], owner, sealed), failsAs('KEY_WRONG'))
})

test('a key has 32 bytes', () => {
  assert.throws(() => secretKey(Buffer.alloc(31)), RangeError)
})
