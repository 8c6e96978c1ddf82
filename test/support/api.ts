/** The API built on a store in memory and a control plane in memory, with one user of each role. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { hashPassword } from '../../src/api/auth/password.ts'
import { type ApiOptions, buildApi } from '../../src/api/build-api.ts'
import type { Role } from '../../src/core/control/user.ts'
import { openStore, type Store } from '../../src/store/open-store.ts'
import { addUser } from '../../src/store/users/add-user.ts'
import { type FakeControlPlane, fakeControlPlane } from './fake-control-plane.ts'

export const PASSWORDS: Readonly<Record<Role, string>> = {
  administrator: 'horse-battery-staple-1',
  operator: 'staple-battery-horse-2',
  viewer: 'battery-horse-staple-3',
}

/** Hashing takes its time, on purpose: once for all tests of a file. */
const hashes = new Map<Role, Promise<string>>()
const hashFor = (role: Role) => hashes.get(role) ?? hashes.set(role, hashPassword(PASSWORDS[role])).get(role)!

export interface Signed {
  readonly cookie: string
  readonly csrf: string
}

export interface TestApi {
  readonly app: FastifyInstance
  readonly plane: FakeControlPlane
  readonly store: Store
  readonly folder: string
  /** Milliseconds; tests move it. */
  time: number
  signIn(role: Role): Promise<Signed>
  /** With the session's cookie and CSRF token. */
  as(signed: Signed, method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  /** Without a test's context the caller does it. */
  close(): Promise<void>
  /** A token of that role. */
  token(role: Role): Promise<string>
  with(token: string, method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>
}

export async function testApi(t: TestContext | undefined, over: Partial<ApiOptions> & { readonly stores?: string } = {}): Promise<TestApi> {
  const folder = mkdtempSync(join(tmpdir(), 'api'))
  const { stores, ...options } = over
  const store = await openStore(stores === undefined ? { memory: true } : { folder: stores })
  const plane = fakeControlPlane()
  for (const role of ['administrator', 'operator', 'viewer'] as const) {
    await addUser(store, { name: role, role, passwordHash: await hashFor(role) }, 0)
  }
  const api = { time: Date.parse('2026-11-23T14:37:35.000Z') }
  const app = await buildApi({
    plane,
    store,
    folder,
    now: () => api.time,
    version: '0.0.0',
    secure: false,
    known: { names: [] },
    checkReplies: true,
    ...options,
  })
  const close = async () => {
    await app.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
  t?.after(close)
  const inject = (method: string, url: string, body: unknown, headers: Record<string, string>) =>
    app.inject({
      method: method as 'GET',
      url,
      headers,
      ...(body === undefined ? {} : { payload: body as object }),
    } satisfies InjectOptions)
  const made: TestApi = {
    ...api,
    close,
    app,
    plane,
    store,
    folder,
    get time() {
      return api.time
    },
    set time(value) {
      api.time = value
    },
    async signIn(role) {
      const answer = await inject('POST', '/api/v1/login', { name: role, password: PASSWORDS[role] }, {})
      assert.equal(answer.statusCode, 200, answer.body)
      const cookie = answer.cookies[0]
      assert.ok(cookie)
      return { cookie: `${cookie.name}=${cookie.value}`, csrf: answer.json<{ csrf: string }>().csrf }
    },
    as: ({ cookie, csrf }, method, url, body, headers = {}) => inject(method, url, body, { cookie, 'x-csrf-token': csrf, ...headers }),
    async token(role) {
      const answer = await made.as(await made.signIn(role), 'POST', '/api/v1/tokens', { name: 'test', role, expiresAt: null })
      assert.equal(answer.statusCode, 201, answer.body)
      return answer.json<{ secret: string }>().secret
    },
    with: (token, method, url, body, headers = {}) => inject(method, url, body, { authorization: `Bearer ${token}`, ...headers }),
  }
  return made
}
