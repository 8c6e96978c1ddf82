/**
 * Who may call what: one row for every route that is registered, so that a new route without a row fails. For each: nobody gets 401, a
 * lesser role 403, a browser session without its CSRF token 403, and the role that it is for gets past all that.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { LightMyRequestResponse, RouteOptions } from 'fastify'
import type { Role } from '../../../src/core/control/user.ts'
import { type Signed, type TestApi, testApi } from '../../support/api.ts'

type Access = Role | 'public'

const TABLE: Readonly<Record<string, Access>> = {
  'POST /api/v1/login': 'public',
  'GET /api/v1/setup': 'public',
  'POST /api/v1/setup': 'public',
  'POST /api/v1/logout': 'viewer',
  'GET /api/v1/me': 'viewer',
  'PUT /api/v1/me/password': 'viewer',
  'POST /api/v1/pools/certificate': 'administrator',
  'GET /api/v1/pools': 'viewer',
  'POST /api/v1/pools': 'administrator',
  'GET /api/v1/pools/:id': 'viewer',
  'PATCH /api/v1/pools/:id': 'administrator',
  'DELETE /api/v1/pools/:id': 'administrator',
  'POST /api/v1/pools/:id/test': 'operator',
  'GET /api/v1/pools/:id/inventory': 'viewer',
  'GET /api/v1/jobs': 'viewer',
  'POST /api/v1/jobs': 'administrator',
  'GET /api/v1/jobs/:id': 'viewer',
  'PATCH /api/v1/jobs/:id': 'administrator',
  'DELETE /api/v1/jobs/:id': 'administrator',
  'POST /api/v1/jobs/:id/enable': 'administrator',
  'POST /api/v1/jobs/:id/disable': 'administrator',
  'POST /api/v1/jobs/:id/schedules': 'administrator',
  'PATCH /api/v1/jobs/:id/schedules/:schedule': 'administrator',
  'DELETE /api/v1/jobs/:id/schedules/:schedule': 'administrator',
  'POST /api/v1/jobs/preview': 'viewer',
  'POST /api/v1/jobs/next-ticks': 'viewer',
  'GET /api/v1/jobs/upcoming': 'viewer',
  'GET /api/v1/jobs/export': 'viewer',
  'POST /api/v1/jobs/import': 'administrator',
  'POST /api/v1/runs': 'operator',
  'GET /api/v1/runs': 'viewer',
  'GET /api/v1/runs/:id': 'viewer',
  'POST /api/v1/runs/:id/cancel': 'operator',
  'GET /api/v1/vm-runs': 'viewer',
  'GET /api/v1/vm-runs/:id': 'viewer',
  'GET /api/v1/figures': 'viewer',
  'POST /api/v1/vm-runs/:id/cancel': 'operator',
  'GET /api/v1/protections': 'viewer',
  'GET /api/v1/protections/counts': 'viewer',
  'GET /api/v1/restore-points': 'viewer',
  'POST /api/v1/verifications': 'operator',
  'GET /api/v1/failover/status': 'viewer',
  'POST /api/v1/failover/preview': 'operator',
  'POST /api/v1/failover': 'operator',
  'GET /api/v1/plans': 'viewer',
  'POST /api/v1/plans': 'administrator',
  'POST /api/v1/plans/check': 'viewer',
  'GET /api/v1/plans/:id': 'viewer',
  'PATCH /api/v1/plans/:id': 'administrator',
  'DELETE /api/v1/plans/:id': 'administrator',
  'POST /api/v1/plans/:id/preview': 'operator',
  'POST /api/v1/plans/:id/runs': 'operator',
  'GET /api/v1/plans/:id/runs': 'viewer',
  'GET /api/v1/seeds/snapshots': 'viewer',
  'POST /api/v1/seeds/snapshots': 'operator',
  'GET /api/v1/seeds/folders': 'viewer',
  'DELETE /api/v1/seeds/folders/:name': 'operator',
  'POST /api/v1/seeds/exports': 'operator',
  'POST /api/v1/seeds/imports': 'operator',
  'POST /api/v1/seeds/check': 'operator',
  'POST /api/v1/seeds/links': 'operator',
  'GET /api/v1/seeds/state': 'viewer',
  'GET /api/v1/activities': 'viewer',
  'GET /api/v1/activities/:id': 'viewer',
  'GET /api/v1/activities/:id/report.md': 'viewer',
  'POST /api/v1/activities/:id/cancel': 'operator',
  'POST /api/v1/activities/:id/continue': 'operator',
  'GET /api/v1/channels': 'viewer',
  'POST /api/v1/channels': 'administrator',
  'PATCH /api/v1/channels/:id': 'administrator',
  'DELETE /api/v1/channels/:id': 'administrator',
  'POST /api/v1/channels/:id/test': 'administrator',
  'GET /api/v1/alerts': 'viewer',
  'GET /api/v1/events': 'viewer',
  'GET /api/v1/lab': 'viewer',
  'POST /api/v1/lab': 'administrator',
  'DELETE /api/v1/lab': 'administrator',
  'POST /api/v1/lab/guest-writes': 'operator',
  'GET /api/v1/server': 'viewer',
  'GET /api/v1/server/licences': 'viewer',
  'GET /api/v1/settings': 'viewer',
  'PATCH /api/v1/settings': 'administrator',
  'GET /api/v1/audit': 'administrator',
  'GET /api/v1/users': 'administrator',
  'POST /api/v1/users': 'administrator',
  'GET /api/v1/users/:id': 'administrator',
  'PATCH /api/v1/users/:id': 'administrator',
  'DELETE /api/v1/users/:id': 'administrator',
  'GET /api/v1/tokens': 'viewer',
  'POST /api/v1/tokens': 'viewer',
  'DELETE /api/v1/tokens/:id': 'viewer',
  // What the API says of itself holds nothing of the installation.
  'GET /api/v1/openapi.json': 'public',
  'GET /api/v1/docs': 'public',
  'GET /api/v1/docs/json': 'public',
  'GET /api/v1/docs/yaml': 'public',
  'GET /api/v1/docs/static/*': 'public',
  'GET /api/v1/docs/static/index.html': 'public',
  'GET /api/v1/docs/static/swagger-initializer.js': 'public',
  'GET /': 'public',
  // Whether it lives, and whether it is ready: two words.
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /metrics': 'viewer',
}

const ROLES = ['viewer', 'operator', 'administrator'] as const

describe('who may call what', () => {
  let api: TestApi
  const registered: string[] = []
  const signed = {} as Record<Role, Signed>
  const tokens = {} as Record<Role, string>

  before(async () => {
    api = await testApi(undefined, {
      onRoute: ({ method, url }: RouteOptions) => {
        for (const each of [method].flat()) if (each !== 'HEAD') registered.push(`${each} ${url}`)
      },
    })
    for (const role of ROLES) {
      signed[role] = await api.signIn(role)
      tokens[role] = await api.token(role)
    }
  })

  after(() => api.close())

  test('the table has exactly the routes that are registered', () => {
    assert.deepEqual([...new Set(registered)].sort(), Object.keys(TABLE).sort())
  })

  for (const [name, access] of Object.entries(TABLE)) {
    const [method = '', path = ''] = name.split(' ')
    const url = path.replaceAll(/:\w+|\*/g, 'none')
    const isChange = method !== 'GET'
    if (access === 'public') {
      test(`${name} is for everybody, but not for pages of other sites`, async () => {
        const answer = await api.app.inject({ method: method as 'GET', url, ...(isChange ? { payload: {} } : {}) })
        assert.notEqual(answer.statusCode, 401)
        assert.notEqual(answer.statusCode, 403)
        assert.ok(answer.statusCode < 500, answer.body)
        if (!isChange) return
        const foreign = await api.app.inject({ method: method as 'GET', url, payload: {}, headers: { origin: 'https://evil.example' } })
        assert.deepEqual([foreign.statusCode, foreign.json().code], [403, 'CROSS_SITE'])
      })
      continue
    }
    const lesser = ROLES.slice(0, ROLES.indexOf(access))
    test(`${name} is for role ${access}`, async () => {
      const body = isChange ? {} : undefined
      const nobody = await api.app.inject({ method: method as 'GET', url, ...(isChange ? { payload: {} } : {}) })
      assert.deepEqual([nobody.statusCode, nobody.json().code], [401, 'NOT_SIGNED_IN'])
      for (const wrong of ['Bearer usy_wrong', 'Bearer ', 'Basic YTpi', `Bearer ${signed.administrator.cookie}`]) {
        const answer: LightMyRequestResponse = await api.app.inject({
          method: method as 'GET',
          url,
          headers: { authorization: wrong, cookie: signed[access].cookie },
        })
        assert.equal(answer.statusCode, 401, `${wrong}: no cookie makes up for it`)
      }
      for (const role of lesser) {
        for (const answer of [await api.as(signed[role], method, url, body), await api.with(tokens[role], method, url, body)]) {
          assert.deepEqual([answer.statusCode, answer.json().code], [403, 'NOT_ALLOWED'], role)
        }
      }
      if (isChange) {
        for (const csrf of ['', 'wrong', signed[access === 'viewer' ? 'operator' : 'viewer'].csrf]) {
          const answer = await api.as({ ...signed[access], csrf }, method, url, body)
          assert.deepEqual([answer.statusCode, answer.json().code], [403, 'CSRF_MISSING'], csrf)
        }
        const foreign = await api.as(signed[access], method, url, body, { origin: 'https://evil.example' })
        assert.deepEqual([foreign.statusCode, foreign.json().code], [403, 'CROSS_SITE'])
      }
    })
  }

  test('whoever reaches the role gets past the gate, by session and by token', async () => {
    for (const [name, access] of Object.entries(TABLE)) {
      const [method = '', path = ''] = name.split(' ')
      // These end or outlast the session that asks.
      if (access === 'public' || /logout|events/.test(path)) continue
      const url = path.replaceAll(/:\w+/g, 'none')
      for (const role of ROLES.slice(ROLES.indexOf(access))) {
        const body = method === 'GET' ? undefined : { not: 'known' }
        for (const answer of [await api.as(signed[role], method, url, body), await api.with(tokens[role], method, url, body)]) {
          assert.ok(![401, 403, 500].includes(answer.statusCode), `${name} as ${role}: ${answer.statusCode} ${answer.body}`)
        }
      }
    }
  })
})
