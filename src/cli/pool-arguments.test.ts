/** Pools, their objects and their certificates, as all commands that take them read them. Nothing is connected. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UsageError } from './command.ts'
import { optionalPool, optionalUuid, poolArgument, trustArgument, uuidArgument } from './pool-arguments.ts'

const UUID = '01234567-89ab-cdef-0123-456789abcdef'
const A = 'AA'.repeat(32)
const B = 'BB'.repeat(32)
const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
after(() => rmSync(folder, { recursive: true }))
const signal = new AbortController().signal

test('a pool comes from its option, and from the environment where there is none', () => {
  const login = { url: 'https://pool:8443', user: 'root', password: 'p/w' }
  const url = 'https://root:p%2Fw@pool:8443'
  assert.deepEqual(poolArgument(url, '--from', { UNDERSTUDY_FROM: 'https://a:b@other' }), login)
  assert.deepEqual(poolArgument(undefined, '--from', { UNDERSTUDY_FROM: url, UNDERSTUDY_TO: 'https://a:b@other' }), login)
  assert.deepEqual(optionalPool(undefined, '--to', { UNDERSTUDY_TO: url }), login)
  assert.equal(optionalPool(undefined, '--to', { UNDERSTUDY_FROM: url }), undefined)
  assert.equal(optionalPool(undefined, '--to', { UNDERSTUDY_TO: '' }), undefined)
  // Said on purpose: the environment does not come in its place.
  assert.equal(optionalPool('', '--to', { UNDERSTUDY_TO: url }), undefined)
  for (const missing of [undefined, ''])
    assert.throws(() => poolArgument(missing, '--pool', {}), { name: 'UsageError', message: /^--pool is missing: the URL of a pool/ })
})

for (const url of ['pool', 'https://pool', 'https://root@pool', 'https://root:s3cret/word@pool', 'http://root:s3cret@192.0.2.1']) {
  test(`G9: ${url.replace(/:\/\/.*@/, '://…@')} is wrong usage that names where it came from, without the password`, () => {
    for (const [text, env, from] of [
      [url, {}, '--from'],
      [undefined, { UNDERSTUDY_FROM: url }, 'UNDERSTUDY_FROM'],
    ] as const) {
      for (const read of [poolArgument, optionalPool]) {
        assert.throws(
          () => read(text, '--from', env),
          (error) => error instanceof UsageError && error.message.startsWith(`${from}: `) && !/s3cret/.test(error.message),
        )
      }
    }
  })
}

test('a uuid is read in any case and given in lower case', () => {
  assert.equal(uuidArgument(UUID.toUpperCase(), '--vm'), UUID)
  assert.equal(optionalUuid(undefined, '--vm'), undefined)
  assert.throws(() => uuidArgument(undefined, '--vm'), { name: 'UsageError', message: '--vm is missing' })
  for (const text of ['', 'web', `${UUID}0`, UUID.replaceAll('-', '')])
    assert.throws(() => optionalUuid(text, '--vm'), { name: 'UsageError', message: `--vm takes a uuid, not '${text}'` })
})

test('G10: certificates are accepted by --trust, UNDERSTUDY_TRUST and what was accepted earlier, and it is known by which', async () => {
  const env = { UNDERSTUDY_KNOWN_CERTIFICATES: join(folder, '1'), UNDERSTUDY_TRUST: B }
  const { trust, loginTimeoutMs } = trustArgument([A], signal, { env, asker: null })
  const fingerprint = (digits: string) => (digits.match(/../g) ?? []).join(':')
  assert.equal(await trust.check('a:443', fingerprint(A)), 'accepted')
  assert.equal(await trust.check('b:443', fingerprint(B)), 'accepted')
  assert.equal(await trust.check('c:443', fingerprint('CC'.repeat(32))), 'refused')
  assert.deepEqual(['a:443', 'b:443', 'c:443'].map(trust.acceptedBy), ['--trust', 'UNDERSTUDY_TRUST', undefined])
  assert.equal(loginTimeoutMs, undefined, 'nobody is asked: a login takes as long as it always may')
})

test('a person who is asked about a certificate has ten minutes, and a screen without a progress line', async () => {
  const told: string[] = []
  const { trust, loginTimeoutMs } = trustArgument([], signal, {
    env: { UNDERSTUDY_KNOWN_CERTIFICATES: join(folder, '2') },
    beforeAsking: () => told.push('cleared'),
    asker: async (address) => told.push(address) > 0,
  })
  assert.equal(await trust.check('a:443', 'CC:'.repeat(31).concat('CC')), 'accepted')
  assert.deepEqual(told, ['cleared', 'a:443'])
  assert.equal(trust.acceptedBy('a:443'), 'you, just now')
  assert.equal(loginTimeoutMs, 600_000)
})

test('a fingerprint that is none is wrong usage, and it is said where it stands', () => {
  const none = (given: string[], listed: string) => () => trustArgument(given, signal, { env: { UNDERSTUDY_TRUST: listed }, asker: null })
  assert.throws(none(['AB:CD'], ''), { name: 'UsageError', message: /^--trust: AB:CD is not a SHA-256 fingerprint/ })
  assert.throws(none([A], `${B} ab`), { name: 'UsageError', message: /^UNDERSTUDY_TRUST: ab is not a SHA-256 fingerprint/ })
})

// Nobody listens at port 9: whatever gets that far fails otherwise, and differently.
const FROM = 'https://root:s3cret@127.0.0.1:9'
const bin = join(import.meta.dirname, '..', '..', 'bin', 'understudy.js')
for (const [command, option] of [
  ['replicate', 'from'],
  ['verify', 'from'],
  ['doctor', 'from'],
  ['clone', 'to'],
] as const) {
  const run = (url: string, ...more: readonly string[]) => {
    const other = option === 'from' ? ['--to', FROM] : []
    const args = [command, `--${option}`, url, ...other, '--vm', UUID, '--sr', UUID, ...more]
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', timeout: 60_000 })
    return { status, stdout, stderr }
  }
  for (const [what, message, ...args] of [
    ['an unusable URL', `--${option}: pool URL without a user`, 'https://pool'],
    ['an unusable fingerprint', '--trust: AB:CD is not a SHA-256 fingerprint', FROM, '--trust', 'AB:CD'],
  ] as const) {
    test(`${command}: ${what} is one line that names the option, exit code 2`, () => {
      const [from, ...more] = args as readonly string[]
      const { status, stdout, stderr } = run(from as string, ...more)
      assert.ok(stderr.startsWith(`understudy ${command}: ${message}`), stderr)
      assert.match(stderr, /^[^\n]+ \(see 'understudy \w+ --help'\)\n$/)
      assert.deepEqual([status, stdout], [2, ''])
    })
  }
}
