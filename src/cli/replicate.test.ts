/** Wrong arguments, told before anything is connected. What a run does: test/integration. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const bin = join(import.meta.dirname, '..', '..', 'bin', 'understudy.js')
const UUID = '01234567-89ab-cdef-0123-456789abcdef'
// Nobody listens there: whatever gets that far fails otherwise, and differently.
const FROM = 'https://root:s3cret%2Fword@127.0.0.1:9'
const TO = 'https://root:0ther@127.0.0.1:9'
const OTHER = '11234567-89ab-cdef-0123-456789abcdef'
const FURTHER = '21234567-89ab-cdef-0123-456789abcdef'
const GOOD = { from: FROM, vm: UUID, to: TO, sr: UUID }

function replicate(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { UNDERSTUDY_FROM: _from, UNDERSTUDY_TO: _to, ...rest } = process.env
  const run = spawnSync(process.execPath, [bin, 'replicate', ...args], { encoding: 'utf8', timeout: 60_000, env: { ...rest, ...env } })
  return { status: run.status, stdout: run.stdout, stderr: run.stderr }
}

const options = (changes: Readonly<Record<string, string | undefined>>) =>
  Object.entries({ ...GOOD, ...changes }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))

for (const [what, args, message] of [
  ['no arguments at all', [], /--vm is missing/],
  ['no source', options({ from: undefined }), /--from is missing/],
  ['no target', options({ to: undefined }), /--to is missing/],
  ['no VM', options({ vm: undefined }), /--vm is missing/],
  ['no SR', options({ sr: undefined }), /--sr is missing/],
  ['a VM that is no uuid', options({ vm: 'web' }), /--vm takes a uuid, not 'web'/],
  ['an SR that is no uuid', options({ sr: `${UUID}0` }), /--sr takes a uuid/],
  ['a job that is no uuid', options({ job: '' }), /--job takes a uuid/],
  ['a schedule that is no uuid', options({ schedule: 'daily' }), /--schedule takes a uuid/],
  ['no retention', options({ retention: '0' }), /--retention is a number from 1 to 1000, not 0/],
  ['a retention that is no number', options({ retention: 'ten' }), /--retention/],
  ['a broken retention', options({ retention: '1.5' }), /--retention/],
  ['an empty retention', options({ retention: '' }), /--retention/],
  ['too many restore points', options({ retention: '1001' }), /--retention/],
  ['an unknown way to verify', options({ verify: 'yes' }), /--verify is one of off, sample, changed, full, not yes/],
  ['half a mapping of networks', options({ network: UUID }), /--network takes SOURCE=TARGET/],
  ['a mapping of no uuid', options({ network: `lan=${UUID}` }), /--network takes a uuid, not 'lan'/],
  ['a mapping onto no uuid', options({ network: `${UUID}=lan` }), /--network takes a uuid, not 'lan'/],
  ['a mapping with too much', options({ network: `${UUID}=${UUID}=${UUID}` }), /--network takes SOURCE=TARGET/],
  ['two pools for three targets', [...options({}), '--to', TO, '--sr', OTHER, '--sr', FURTHER], /2 --to and 3 --sr: give them in pairs/],
  ['one target twice', [...options({}), '--sr', UUID], /--sr 01234567-89ab-cdef-0123-456789abcdef is named twice/],
  ['a second SR that is no uuid', [...options({}), '--sr', 'local'], /--sr takes a uuid, not 'local'/],
  ['a disk left out that is neither', options({ 'exclude-disk': 'scratch' }), /--exclude-disk takes a uuid, not 'scratch'/],
  ['an option that does not exist', [...options({}), '--force'], /Unknown option '--force'/],
  ['a stray word', [...options({}), 'now'], /Unexpected argument 'now'/],
  ['an option without its value', ['--vm'], /--vm/],
] as const) {
  test(`${what}: one line that names the usage, exit code 2`, () => {
    const { status, stdout, stderr } = replicate(args)
    assert.match(stderr, message)
    assert.match(stderr, /^understudy replicate: [^\n]+ \(see 'understudy replicate --help'\)\n$/)
    assert.deepEqual([status, stdout], [2, ''])
  })
}

for (const [what, url] of [
  ['no URL', 'pool'],
  ['no user', 'https://pool'],
  ['no password', 'https://root@pool'],
  ['a password with a character that has to be encoded', 'https://root:s3cret/word@pool'],
  ['something behind the host', 'https://root:s3cret@pool/path'],
  ['a password sent readable', 'http://root:s3cret@192.0.2.1'],
] as const) {
  for (const option of ['from', 'to']) {
    test(`G9: --${option} with ${what}: one line, exit code 2, no password in it`, () => {
      const { status, stdout, stderr } = replicate(options({ [option]: url }))
      assert.ok(stderr.startsWith(`understudy replicate: --${option}: `), stderr)
      assert.match(stderr, /^[^\n]+\n$/)
      assert.doesNotMatch(stderr, /s3cret|0ther/)
      assert.deepEqual([status, stdout], [2, ''])
    })
  }
}

test('how a URL is written is told with its example, which is no secret', () => {
  assert.match(replicate(options({ from: 'https://pool' })).stderr, /without a user: write it as https:\/\/root:password@host \(see/)
  assert.match(replicate(options({ from: undefined })).stderr, /--from is missing: the URL of a pool, https:\/\/user:password@host \(see/)
})

test('G9: the URLs may come from the environment instead; a pool that nobody listens at is one line, exit code 1, without secrets', () => {
  for (const [args, env] of [
    [options({}), {}],
    [options({ from: undefined, to: undefined }), { UNDERSTUDY_FROM: FROM, UNDERSTUDY_TO: TO }],
  ] as const) {
    const { status, stdout, stderr } = replicate([...args, '--json'], env)
    assert.match(stderr, /^understudy replicate: [^\n]*127\.0\.0\.1:9[^\n]*\n$/)
    assert.doesNotMatch(stderr, /s3cret|0ther|root/)
    assert.equal(status, 1)
    const { status: outcome, error } = JSON.parse(stdout)
    assert.deepEqual([outcome, error.code], ['failed', 'POOL_REFUSED'])
    assert.doesNotMatch(stdout, /s3cret|0ther|root/)
  }
})

test('--help tells of every option that is understood', () => {
  const { status, stdout } = replicate(['--help'])
  assert.equal(status, 0)
  for (const option of ['from', 'vm', 'to', 'sr', 'job', 'schedule', 'retention', 'verify', 'network', 'dry-run', 'trust', 'json'])
    assert.match(stdout, new RegExp(`^  --${option} `, 'm'))
})
