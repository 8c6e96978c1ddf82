/** Conventions of the API: versions, idempotency, pages, problems, hosts, health and figures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApi } from '../../support/api.ts'
import { readExposition } from '../../support/exposition.ts'
import { fakeProtection, fakeRun } from '../../support/fake-control-plane.ts'

const spec = {
  name: 'nightly',
  enabled: false,
  selection: { include: [{ kind: 'tag', pool: null, tag: 'db' }], exclude: [] },
  targets: [{ pool: 'pool-2', sr: 'sr-1' }],
  settings: { verify: 'sample' },
  schedules: [{ name: 'hourly', enabled: true, timing: { kind: 'interval', minutes: 60 }, retention: { last: 7 }, settings: {} }],
}

test('a job is created, found at its location, changed by its version, and gone when it is deleted', async (t) => {
  const api = await testApi(t)
  const token = await api.token('administrator')
  const call = (method: string, url: string, body?: unknown, headers?: Record<string, string>) =>
    api.with(token, method, url, body, headers)
  const made = await call('POST', '/api/v1/jobs', spec)
  assert.equal(made.statusCode, 201)
  const url = made.headers.location as string
  const got = await call('GET', url)
  assert.deepEqual(got.json(), made.json())
  assert.equal(got.headers.etag, '"1"')
  assert.equal((await call('GET', url, undefined, { 'if-none-match': '"1"' })).statusCode, 304)
  const changed = await call('PATCH', url, { name: 'weekly' }, { 'if-match': '"1"' })
  assert.deepEqual([changed.json().name, changed.headers.etag], ['weekly', '"2"'])
  const late = await call('PATCH', url, { name: 'late' }, { 'if-match': '"1"' })
  assert.deepEqual([late.statusCode, late.json().code], [412, 'JOB_CHANGED'])
  assert.equal((await call('PATCH', url, { name: 'late', version: 1 })).statusCode, 412)
  assert.equal((await call('PATCH', url, { name: 'x' }, { 'if-match': 'abc' })).statusCode, 422)
  assert.equal((await call('POST', `${url}/enable`)).json().enabled, true)
  const schedule = await call('POST', `${url}/schedules`, { ...spec.schedules[0], name: 'daily' })
  assert.equal(schedule.headers.location, `${url}/schedules/${schedule.json().id}`)
  assert.equal((await call('PATCH', schedule.headers.location as string, { enabled: false })).json().enabled, false)
  const exported = (await call('GET', `/api/v1/jobs/export?id=${made.json().id}`)).json()
  assert.deepEqual([exported.format, exported.jobs.length], ['understudy-jobs', 1])
  assert.equal((await call('POST', '/api/v1/jobs/import?replace=true', exported)).json().items.length, 1)
  assert.equal((await call('DELETE', url)).statusCode, 200)
  const gone = await call('GET', url)
  assert.deepEqual([gone.statusCode, gone.headers['content-type']], [404, 'application/problem+json; charset=utf-8'])
  const { type, title, status, code, detail, hint, request } = gone.json()
  assert.ok([title, detail, hint].every((text) => typeof text === 'string' && text.length > 5))
  assert.deepEqual([type, status, code, request], ['/docs/errors.md#JOB_NOT_FOUND', 404, 'JOB_NOT_FOUND', gone.headers['x-request-id']])
})

test('a start that is sent twice with one key happens once; another request with that key is refused; failures leave the key free', async (t) => {
  const api = await testApi(t)
  const token = await api.token('operator')
  const job = await api.plane.jobs.create({ ...spec, settings: {}, selection: { include: [], exclude: [] }, schedules: [] })
  const start = (key: string, body: unknown, by = token) => api.with(by, 'POST', '/api/v1/runs', body, { 'idempotency-key': key })
  const [first, again] = [await start('k1', { job: job.id }), await start('k1', { job: job.id })]
  assert.deepEqual([first.statusCode, again.statusCode, again.body], [202, 202, first.body])
  assert.deepEqual([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']], [undefined, 'true'])
  assert.equal(again.headers.location, first.headers.location)
  assert.equal(api.plane.started.length, 1)
  assert.equal((await start('k1', { job: job.id, dryRun: true })).json().code, 'IDEMPOTENCY_MISMATCH')
  assert.equal(
    (await start('k1', { job: job.id }, await api.token('operator'))).headers['idempotency-replayed'],
    undefined,
    'of another caller',
  )
  assert.equal((await start('k2', { job: 'none' })).statusCode, 404)
  assert.equal((await start('k2', { job: job.id })).statusCode, 202)
  assert.equal((await start('x'.repeat(201), { job: job.id })).statusCode, 422)
  api.time += 24 * 3_600_000 + 1
  assert.equal((await start('k1', { job: job.id, dryRun: true })).statusCode, 202, 'forgotten after a day')
})

test('two requests with one key at once: one is carried out, the other waits for its answer or is told to', async (t) => {
  const api = await testApi(t)
  const token = await api.token('operator')
  const job = await api.plane.jobs.create({ ...spec, settings: {}, selection: { include: [], exclude: [] }, schedules: [] })
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => api.with(token, 'POST', '/api/v1/runs', { job: job.id }, { 'idempotency-key': 'same' })),
  )
  assert.equal(api.plane.started.length, 1)
  for (const answer of answers) assert.ok(answer.statusCode === 202 || answer.json().code === 'IDEMPOTENCY_UNDER_WAY', answer.body)
})

test('lists come in pages of `items` and `next`, each item once; a place that was not handed out is refused', async (t) => {
  const api = await testApi(t)
  const token = await api.token('viewer')
  for (let n = 0; n < 25; n++) api.plane.protections.push(fakeProtection(n % 5 === 0 ? 'missed' : 'protected', `vm-${n}`))
  const names: string[] = []
  for (let after = ''; ; ) {
    const page = (await api.with(token, 'GET', `/api/v1/protections?limit=10${after}`)).json<{
      items: { vm: { name: string } }[]
      next: string | null
    }>()
    names.push(...page.items.map(({ vm }) => vm.name))
    if (page.next === null) break
    after = `&after=${page.next}`
  }
  assert.deepEqual(
    names,
    Array.from({ length: 25 }, (_, n) => `vm-${n}`),
  )
  assert.equal((await api.with(token, 'GET', '/api/v1/protections?state=missed&state=at-risk')).json().items.length, 5)
  assert.equal((await api.with(token, 'GET', '/api/v1/protections?after=nonsense')).json().code, 'CURSOR_INVALID')
  assert.equal((await api.with(token, 'GET', '/api/v1/protections/counts')).json().missed, 5)
})

test('requests that name another host are refused, whatever they ask for: names of strangers that point here', async (t) => {
  const api = await testApi(t, { known: { names: ['dr.example.org'] } })
  for (const host of ['evil.example', 'evil.example:443', 'localhost.evil.example', 'dr.example.org.evil.example', 'a@dr.example.org']) {
    for (const url of ['/', '/healthz', '/api/v1/setup', '/api/v1/openapi.json']) {
      const answer = await api.app.inject({ url, headers: { host } })
      assert.deepEqual([answer.statusCode, answer.json().code], [421, 'WRONG_HOST'], `${host} ${url}`)
    }
  }
  for (const host of [
    'localhost',
    'LOCALHOST:8443',
    '127.0.0.1:8443',
    '[::1]:8443',
    '10.1.2.3',
    'dr.example.org',
    'DR.example.org.:8443',
  ]) {
    assert.equal((await api.app.inject({ url: '/healthz', headers: { host } })).statusCode, 200, host)
  }
})

test('a change with our own origin passes, another one does not, by Origin and by Sec-Fetch-Site', async (t) => {
  const api = await testApi(t)
  const signed = await api.signIn('administrator')
  const change = async (headers: Record<string, string>) =>
    (await api.as(signed, 'PATCH', '/api/v1/settings', { keepRunsDays: 30 }, { host: '127.0.0.1:8443', ...headers })).statusCode
  assert.equal(await change({}), 200)
  assert.equal(await change({ origin: 'https://127.0.0.1:8443', 'sec-fetch-site': 'same-origin' }), 200)
  for (const headers of [
    { origin: 'https://127.0.0.1:9999' },
    { origin: 'null' },
    { origin: 'nonsense' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'https://127.0.0.1:8443' },
  ]) {
    assert.equal(await change(headers as Record<string, string>), 403, JSON.stringify(headers))
  }
})

test('every answer has the headers that keep a browser from misusing it', async (t) => {
  const api = await testApi(t, { secure: true })
  for (const url of ['/', '/healthz', '/api/v1/me', '/api/v1/docs', '/nothing']) {
    const { headers } = await api.app.inject({ url })
    assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/)
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|\*|https?:/)
    assert.deepEqual(
      [headers['x-content-type-options'], headers['x-frame-options'], headers['referrer-policy'], headers['strict-transport-security']],
      ['nosniff', 'DENY', 'no-referrer', 'max-age=31536000'],
    )
  }
})

test('bodies have a bound', async (t) => {
  const api = await testApi(t)
  const token = await api.token('administrator')
  const long = await api.with(token, 'POST', '/api/v1/jobs', { name: 'x'.repeat(2 * 1024 * 1024) })
  assert.deepEqual([long.statusCode, long.json().code], [413, 'BODY_TOO_LARGE'])
})

test('the interactive documentation comes from the product itself: its page names no other address', async (t) => {
  const api = await testApi(t)
  const index = await api.app.inject({ url: '/api/v1/docs' })
  assert.equal(index.statusCode, 200)
  assert.doesNotMatch(index.body, /(src|href)="(https?:)?\/\//)
  assert.doesNotMatch(index.body, /<style|<script(?![^>]*src=)|\sstyle=/, 'nothing inline, which our policy would block')
  for (const [, file] of index.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const url = new URL(file as string, 'http://x/api/v1/docs/static/').pathname
    assert.equal((await api.app.inject({ url })).statusCode, 200, url)
  }
})

test('health is told to everybody, figures to tokens: RPO per VM, runs by how they ended, their duration and bytes, pools, the queue', async (t) => {
  const api = await testApi(t)
  assert.deepEqual((await api.app.inject({ url: '/healthz' })).json(), { ok: true })
  assert.deepEqual((await api.app.inject({ url: '/readyz' })).json(), { ready: true, databaseOk: true })
  api.plane.protections.push({ ...fakeProtection('missed', 'we"ird\\vm\n'), achievedRpoSeconds: 2820 })
  await api.plane.pools.add({ name: 'paris', url: 'https://p', user: 'root', password: 'pw', fingerprint: 'AB' })
  const job = await api.plane.jobs.create({ ...spec, settings: {}, selection: { include: [], exclude: [] }, schedules: [] })
  const totals = { vms: 1, succeeded: 1, failed: 0, changedBytes: 10, bytesRead: 20, bytesSent: 30, fulls: 1 }
  const run = fakeRun(job, { state: 'success', startedAt: '2026-11-23T14:00:00.000Z', endedAt: '2026-11-23T14:00:45.000Z', totals })
  api.plane.tell({ kind: 'run', run: { ...run, state: 'running' } })
  api.plane.tell({ kind: 'run', run })
  api.plane.tell({ kind: 'run', run })
  const { body, headers } = await api.with(await api.token('viewer'), 'GET', '/metrics')
  const figures = readExposition(body)
  assert.ok(figures.some(({ name }) => name === 'understudy_rpo_age_seconds'))
  assert.ok(figures.some(({ name }) => name.endsWith('_bucket')))
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
  for (const line of [
    'understudy_runs_total{state="success"} 1',
    'understudy_runs_total{state="failed"} 0',
    'understudy_run_duration_seconds_bucket{le="30"} 0',
    'understudy_run_duration_seconds_bucket{le="60"} 1',
    'understudy_run_duration_seconds_sum 45',
    'understudy_bytes_total{what="sent"} 30',
    'understudy_full_copies_total 1',
    'understudy_vms{state="missed"} 1',
    'understudy_queued_vm_runs 0',
  ]) {
    assert.ok(body.split('\n').includes(line), line)
  }
  assert.match(body, /^understudy_rpo_age_seconds\{vm="[^"]+",vm_name="we\\"ird\\\\vm\\n",.*\} 2820$/m)
  assert.match(body, /^understudy_pool_connected\{pool="[^"]+",name="paris"\} 1$/m)
  assert.match(body, /^understudy_activities_running 0$/m)
  for (const line of body.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? (-?[\d.]+(e[+-]?\d+)?|\+Inf))$/)
  const open = await testApi(t, { metricsOnLoopback: true })
  assert.equal((await open.app.inject({ url: '/metrics', remoteAddress: '127.0.0.1' })).statusCode, 200)
  assert.equal((await open.app.inject({ url: '/metrics', remoteAddress: '192.0.2.1' })).statusCode, 401)
})

test('licences of everything that the server is made of are listed', async (t) => {
  const api = await testApi(t)
  const items = (await api.with(await api.token('viewer'), 'GET', '/api/v1/server/licences')).json<{
    items: { name: string; licence: string }[]
  }>().items
  const names = items.map(({ name }) => name)
  for (const name of ['understudy', 'fastify', 'pino', 'kysely', 'typebox']) assert.ok(names.includes(name), name)
  assert.deepEqual(
    items.filter(({ licence }) => !/^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|BlueOak-1\.0\.0|MIT-0)$/.test(licence)),
    [],
  )
})
