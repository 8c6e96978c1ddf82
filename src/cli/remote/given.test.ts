import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../command.ts'
import type { Action } from './action.ts'
import { parseGiven } from './given.ts'
import { retentionOf, SCHEDULE_OPTIONS, SETTING_OPTIONS, scheduleOf, settingsOf, timingOf } from './job-arguments.ts'
import { NOUNS, SINGLE } from './nouns.ts'

const action: Action = {
  summary: '',
  positionals: [{ name: 'JOB' }, { name: 'VM', optional: true, repeated: true }],
  options: { ...SCHEDULE_OPTIONS, ...SETTING_OPTIONS },
  run: async () => 0,
}
const given = (...args: string[]) => parseGiven(action, ['job', ...args])

test('arguments go to their places; too few and too many are wrong usage', () => {
  assert.deepEqual([given('a', 'b').argument('JOB'), given('a', 'b').all('VM')], ['job', ['a', 'b']])
  assert.throws(() => parseGiven(action, []), UsageError)
  assert.throws(() => parseGiven({ ...action, positionals: [{ name: 'JOB' }] }, ['a', 'b']), UsageError)
})

test('G9: a token, password or secret in the arguments is refused, and not repeated', () => {
  for (const secret of [['--token', 'hunter2'], ['--token=hunter2'], ['--password=hunter2'], ['--secret', 'hunter2']]) {
    assert.throws(
      () => parseGiven(action, ['job', ...secret]),
      (error: Error) => error instanceof UsageError && /-file$/.test(error.message) && !error.message.includes('hunter2'),
    )
  }
  assert.deepEqual(given('--', '--token').all('VM'), ['--token'])
})

test('schedules are read from --every and --cron, which exclude each other', () => {
  assert.deepEqual(timingOf(given('--every', '10m')), { kind: 'interval', minutes: 10 })
  assert.deepEqual(timingOf(given('--cron', '0 2 * * *', '--time-zone', 'Europe/Oslo')), {
    kind: 'cron',
    expression: '0 2 * * *',
    timeZone: 'Europe/Oslo',
  })
  assert.equal(timingOf(given()), undefined)
  for (const wrong of [
    ['--every', '0'],
    ['--every', '2w'],
    ['--every', 'x'],
    ['--every', '5m', '--cron', '* * * * *'],
    ['--cron', '* * *'],
    ['--time-zone', 'UTC'],
  ])
    assert.throws(() => timingOf(given(...wrong)), UsageError, wrong.join(' '))
  assert.throws(() => scheduleOf(given(), 'x', true), UsageError)
})

test('retention is a number, or how many of each period', () => {
  assert.deepEqual(retentionOf('5'), { last: 5 })
  assert.deepEqual(retentionOf('last=2, daily=7,monthly=12'), { last: 2, daily: 7, monthly: 12 })
  assert.deepEqual(retentionOf('daily=7'), { last: 1, daily: 7 })
  for (const wrong of ['', '0', 'daily', 'yearly=1', 'daily=x', 'daily=1=2', 'last=1001'])
    assert.throws(() => retentionOf(wrong), UsageError, wrong)
})

test('settings hold only what was given', () => {
  assert.deepEqual(settingsOf(given()), {})
  assert.deepEqual(
    settingsOf(
      given(
        '--verify',
        'full',
        '--rpo',
        '1h30m',
        '--notify',
        'no',
        '--retries',
        '0',
        '--limit',
        '20MiB/s',
        '--network',
        'a=none',
        '--time-limit',
        '2h',
      ),
    ),
    { verify: 'full', rpoMinutes: 90, notify: false, retries: 0, limits: ['20MiB/s'], networks: { a: null }, timeoutMinutes: 120 },
  )
  assert.deepEqual(settingsOf(given('--rpo', 'auto')), { rpoMinutes: null })
  for (const wrong of [
    ['--verify', 'some'],
    ['--notify', 'true'],
    ['--retries=-1'],
    ['--limit', 'fast'],
    ['--network', 'a'],
    ['--rpo', '0m'],
  ])
    assert.throws(() => settingsOf(given(...wrong)), UsageError, wrong.join(' '))
})

test('no declaration of an action hides an option of every command, and only the last argument repeats', async () => {
  const actions = [
    ...(await Promise.all(Object.values(SINGLE).map((load) => load()))),
    ...(await Promise.all(Object.values(NOUNS).map((load) => load()))).flatMap((noun) => Object.values(noun.actions)),
  ]
  assert.ok(actions.length > 40)
  for (const { options = {}, positionals = [], summary } of actions) {
    for (const name of ['server', 'token-file', 'trust', 'json', 'wide', 'help'])
      assert.ok(!Object.hasOwn(options, name), `${summary}: --${name}`)
    for (const each of positionals.slice(0, -1)) assert.ok(!each.repeated && !each.optional, summary)
    assert.match(summary, /[^.]$/)
  }
})
