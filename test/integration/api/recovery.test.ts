/** Failovers, plans and activities as the API takes them, on a control plane in memory. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { testApi } from '../../support/api.ts'

const target = { pool: 'pool-2', sr: randomUUID() }

test('only administrators name programs on the manager; what is refused is in the audit log', async (t) => {
  const api = await testApi(t)
  const operator = await api.token('operator')
  const administrator = await api.token('administrator')
  const request = (checks: readonly string[]) => ({
    kind: 'test-failover',
    target,
    vm: randomUUID(),
    ready: { checks, timeoutSeconds: 60 },
  })
  const refused = await api.with(operator, 'POST', '/api/v1/failover', request(['tools', 'script:/bin/true']))
  assert.deepEqual([refused.statusCode, refused.json().code], [403, 'SCRIPT_NOT_ALLOWED'])
  assert.equal((await api.with(operator, 'POST', '/api/v1/failover', request(['tools']))).statusCode, 202)
  const begun = await api.with(administrator, 'POST', '/api/v1/failover', request(['script:/bin/true']))
  assert.equal(begun.statusCode, 202)
  assert.equal(begun.headers.location, `/api/v1/activities/${begun.json<{ id: string }>().id}`)
  const log = (await api.with(administrator, 'GET', '/api/v1/audit?action=failover.start')).json<{ items: { outcome: string }[] }>()
  assert.deepEqual(
    log.items.map(({ outcome }) => outcome),
    ['done', 'done', 'SCRIPT_NOT_ALLOWED'],
  )
})

test('what a request says of a failover is checked by its kind', async (t) => {
  const api = await testApi(t)
  const token = await api.token('operator')
  const answer = async (body: object) => {
    const { statusCode, body: text } = await api.with(token, 'POST', '/api/v1/failover/preview', body)
    return [statusCode, (JSON.parse(text) as { errors?: { field: string }[] }).errors?.map(({ field }) => field)]
  }
  assert.deepEqual(await answer({ kind: 'undo', target, vm: randomUUID() }), [422, ['kind']])
  assert.deepEqual(await answer({ kind: 'planned-failover', target, vm: randomUUID(), restorePoint: randomUUID() }), [
    422,
    ['restorePoint'],
  ])
  assert.deepEqual(await answer({ kind: 'clone', target, vm: 'web' }), [422, ['vm']])
  assert.deepEqual(await answer({ kind: 'clone', target, vm: randomUUID() }), [200, undefined])
})

test('a plan has a version: a change of another one is refused; its runs are found by it, reports are Markdown', async (t) => {
  const api = await testApi(t)
  const token = await api.token('administrator')
  const spec = {
    name: 'site',
    description: '',
    onFailure: 'stop',
    ready: ['tools'],
    readyTimeoutSeconds: 300,
    scriptTimeoutSeconds: 600,
    networks: {},
    groups: [{ name: 'first', delaySeconds: 0, before: '/bin/true', after: null, vms: [{ vm: randomUUID(), target, job: null }] }],
  }
  const made = await api.with(token, 'POST', '/api/v1/plans', spec)
  assert.deepEqual([made.statusCode, made.headers.etag], [201, '"1"'])
  const { id } = made.json<{ id: string }>()
  const change = (version: string) => api.with(token, 'PATCH', `/api/v1/plans/${id}`, { onFailure: 'continue' }, { 'if-match': version })
  assert.equal((await change('"1"')).statusCode, 200)
  const late = await change('"1"')
  assert.deepEqual([late.statusCode, late.json().code], [412, 'RECOVERY_PLAN_CHANGED'])
  const groups = [{ ...spec.groups[0], before: 'relative' }]
  assert.equal((await api.with(token, 'POST', '/api/v1/plans', { ...spec, groups })).statusCode, 422)
  const run = (await api.with(token, 'POST', `/api/v1/plans/${id}/runs`, { mode: 'test' })).json<{ id: string }>()
  const runs = (await api.with(token, 'GET', `/api/v1/plans/${id}/runs`)).json<{ items: { id: string }[] }>()
  assert.deepEqual(
    runs.items.map((each) => each.id),
    [run.id],
  )
  const report = await api.with(token, 'GET', `/api/v1/activities/${run.id}/report.md`)
  assert.deepEqual([report.headers['content-type'], report.body], ['text/markdown; charset=utf-8', '# plan\n'])
  assert.equal((await api.with(token, 'DELETE', `/api/v1/plans/${id}`)).statusCode, 204)
})
