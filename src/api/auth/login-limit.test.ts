import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOGIN_LIMITS, LoginLimiter, networkOf } from './login-limit.ts'

const { perNameAndNetwork, perNetwork, perName, windowMs } = LOGIN_LIMITS

/** How many tries are allowed at one moment. */
function allowed(limiter: LoginLimiter, tries: number, who: (n: number) => readonly [name: string, address: string], now = 0): number {
  let count = 0
  for (let n = 0; n < tries; n++) if (limiter.attempt(...who(n), now) === 0) count += 1
  return count
}

test('one name from one network: a few tries, then one more each few minutes, all of them again after the window', () => {
  const limiter = new LoginLimiter()
  assert.equal(
    allowed(limiter, 100, () => ['a', '192.0.2.1']),
    perNameAndNetwork,
  )
  const wait = limiter.attempt('A', '192.0.2.1', 0)
  assert.ok(wait > 0 && wait <= windowMs / perNameAndNetwork)
  assert.ok(limiter.attempt('a', '192.0.2.1', wait - 1) > 0)
  assert.equal(limiter.attempt('a', '192.0.2.1', wait), 0)
  assert.equal(
    allowed(limiter, 100, () => ['a', '192.0.2.1'], wait + windowMs),
    perNameAndNetwork,
  )
})

test('one network that tries many names, and many networks that try one name, are slowed down as well', () => {
  assert.equal(
    allowed(new LoginLimiter(), 500, (n) => [`name-${n}`, '192.0.2.1']),
    perNetwork,
  )
  assert.equal(
    allowed(new LoginLimiter(), 500, (n) => ['a', `192.0.${n >> 8}.${n & 255}`]),
    perName,
  )
})

test('who owns the name gets in from where they were before, whatever strangers try elsewhere', () => {
  const limiter = new LoginLimiter()
  assert.equal(limiter.attempt('a', '198.51.100.7', 0), 0)
  limiter.succeeded('a', '198.51.100.7')
  allowed(limiter, 500, (n) => ['a', `192.0.${n >> 8}.${n & 255}`])
  assert.ok(limiter.attempt('a', '203.0.113.1', 0) > 0)
  assert.equal(limiter.attempt('a', '198.51.100.7', 0), 0)
})

test('right passwords are not counted, and give a guesser no new tries at other names', () => {
  const limiter = new LoginLimiter()
  for (let n = 0; n < 200; n++) {
    assert.equal(limiter.attempt('a', '192.0.2.1', 0), 0)
    limiter.succeeded('a', '192.0.2.1')
  }
  allowed(limiter, 500, (n) => [`other-${n}`, '192.0.2.1'])
  assert.ok(limiter.attempt('b', '192.0.2.1', 0) > 0)
})

test('a clock that goes backwards opens nothing', () => {
  const limiter = new LoginLimiter()
  allowed(limiter, 100, () => ['a', '192.0.2.1'], windowMs)
  assert.ok(limiter.attempt('a', '192.0.2.1', 0) > 0)
})

test('addresses of one IPv6 network are one; an IPv4 address is itself, in whatever form', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:DB8:1:2::9'))
  assert.notEqual(networkOf('2001:db8:1:2::9'), networkOf('2001:db8:1:3::9'))
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('::1'), networkOf('0:0:0:0:0:0:0:1'))
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
})
