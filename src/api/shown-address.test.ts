import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel } from '../core/control/notification.ts'
import { shownTo, withoutPath } from './shown-address.ts'
import { auditDetails } from './without-secrets.ts'

const SECRET = 'https://hooks.example.org/services/T0/B1/k3y?token=x'

test('of an address only the server is left', () => {
  assert.equal(withoutPath(SECRET), 'https://hooks.example.org/(hidden)')
  assert.equal(withoutPath('https://pool.example.org:8443'), 'https://pool.example.org:8443')
  assert.equal(withoutPath('no address'), '(hidden)')
})

test('G9: only administrators see the whole address of a webhook', () => {
  const channel: Channel = {
    ...{ id: '1', kind: 'webhook', name: 'chat', enabled: true, url: SECRET },
    ...{ hasSecret: false, lastError: null, lastSentAt: null },
  }
  assert.deepEqual(shownTo('administrator', channel), channel)
  for (const role of ['viewer', 'operator'] as const)
    assert.deepEqual(shownTo(role, channel), { ...channel, url: 'https://hooks.example.org/(hidden)' })
})

test('G9: the audit log keeps no path and no query of an address', () => {
  assert.deepEqual(auditDetails({ kind: 'webhook', url: SECRET }), { kind: 'webhook', url: 'https://hooks.example.org/(hidden)' })
  assert.deepEqual(auditDetails({ name: 'paris', url: 'https://root:pw@paris.example.org' }), {
    name: 'paris',
    url: 'https://paris.example.org',
  })
})
