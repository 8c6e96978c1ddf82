import assert from 'node:assert/strict'
import { test } from 'node:test'
import Type from 'typebox'
import { checkerOf } from './check-input.ts'
import { InputInvalid } from './problem.ts'
import { newJob } from './schema/job.ts'
import { channelChange, newChannel } from './schema/notification.ts'
import { runFilter } from './schema/run.ts'

function errorsOf(check: () => unknown): readonly string[] {
  try {
    check()
  } catch (error) {
    assert.ok(error instanceof InputInvalid)
    return error.errors.map(({ field, message }) => `${field}: ${message}`)
  }
  return []
}

const job = {
  name: 'nightly',
  enabled: true,
  selection: { include: [{ kind: 'tag', pool: null, tag: 'db' }], exclude: [] },
  targets: [{ pool: 'p', sr: 's' }],
  settings: {},
}

test('a job that is right passes, and comes out as it went in', () => {
  assert.deepEqual(checkerOf(newJob)(job), job)
})

test('every field that is wrong is named, with what it must be', () => {
  const wrong = {
    name: '',
    enabled: 'yes',
    selection: { include: [{ kind: 'tag', pool: null }, { kind: 'zip' }, {}], exclude: 'none' },
    targets: [],
    settings: { verify: 'often', zz: 1, rpoMinutes: 'ten', networks: { a: 7 } },
    schedules: [{ name: 'a\u0007', enabled: true, timing: { kind: 'interval', minutes: 0 }, retention: { last: 0 }, settings: {} }],
  }
  assert.deepEqual(errorsOf(() => checkerOf(newJob)(wrong)).toSorted(), [
    'enabled: must be a boolean',
    'name: must not be empty',
    'schedules[0].name: has characters that are not allowed, or another form',
    'schedules[0].retention.last: must be at least 1',
    'schedules[0].timing.minutes: must be at least 1',
    'selection.exclude: must be an array',
    'selection.include[0].tag: is missing',
    'selection.include[1].kind: must be one of vm, tag, name, pool',
    'selection.include[2].kind: must be one of vm, tag, name, pool',
    'settings.networks.a: must be a string',
    'settings.rpoMinutes: must be an integer',
    'settings.verify: must be one of off, sample, changed, full',
    'settings.zz: is not known here',
    'targets: must not be empty',
  ])
})

test('a channel is judged as what its kind says', () => {
  const webhook = { kind: 'webhook', name: 'n', enabled: true }
  assert.deepEqual(
    errorsOf(() => checkerOf(newChannel)(webhook)),
    ['url: is missing'],
  )
  assert.deepEqual(
    errorsOf(() => checkerOf(newChannel)({ ...webhook, url: 'https://x', host: 'h' })),
    ['host: is not known here'],
  )
  assert.deepEqual(
    errorsOf(() => checkerOf(newChannel)({ kind: 'sms' })),
    ['kind: must be one of email, webhook'],
  )
  assert.deepEqual(
    errorsOf(() => checkerOf(channelChange)({ kind: 'email', port: 0 })),
    ['port: must be at least 1'],
  )
  assert.deepEqual(
    errorsOf(() => checkerOf(channelChange)({ kind: 'email', enabled: false })),
    [],
  )
})

test('what is no object at all is said so', () => {
  for (const value of [[], 'x', 7, null, undefined])
    assert.deepEqual(
      errorsOf(() => checkerOf(newJob)(value)),
      [': must be an object'],
    )
})

test('a body stays what it is: no text becomes a number, no field is dropped', () => {
  const check = checkerOf(Type.Object({ count: Type.Integer() }, { additionalProperties: false }))
  assert.deepEqual(
    errorsOf(() => check({ count: '5' })),
    ['count: must be an integer'],
  )
  assert.deepEqual(
    errorsOf(() => check({ count: 5, more: 1 })),
    ['more: is not known here'],
  )
  assert.deepEqual(
    errorsOf(() => check(JSON.parse('{"count":5,"__proto__":{}}'))),
    ['__proto__: is not known here'],
  )
})

test('a query becomes numbers and lists where the schema has them, and what does not fit is an error', () => {
  const check = checkerOf(runFilter, { texts: true })
  assert.deepEqual(check({ limit: '5', state: 'queued' }), { limit: 5, state: ['queued'] })
  assert.deepEqual(check({ state: ['queued', 'failed'] }), { state: ['queued', 'failed'] })
  assert.deepEqual(check(undefined), {})
  assert.deepEqual(errorsOf(() => check({ limit: '501', since: 'yesterday', state: 'odd', page: '2' })).toSorted(), [
    'limit: must be at most 500',
    'page: is not known here',
    'since: must be a time in ISO 8601, as 2026-11-23T14:37:35Z',
    'state[0]: must be one of queued, running, success, partial, failed, cancelled, interrupted, skipped',
  ])
})
