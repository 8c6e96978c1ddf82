/** A server that listens, with the real store and API, on whatever stands behind them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashOf, newToken } from '../../src/api/auth/credentials.ts'
import { startServer as listen, type Served, type ServerOptions } from '../../src/api/start-server.ts'
import { apiOf, type RemoteApi } from '../../src/cli/remote/api.ts'
import { serverAddress } from '../../src/cli/remote/connection.ts'
import { httpClient } from '../../src/cli/remote/http-client.ts'
import { type Clock, systemClock } from '../../src/jobs/clock.ts'
import { createControlPlane } from '../../src/jobs/create-control-plane.ts'
import { PoolService } from '../../src/jobs/pools/pool-service.ts'
import { replicationEngine } from '../../src/jobs/replication-engine.ts'
import type { Store } from '../../src/store/open-store.ts'
import { openSecrets } from '../../src/store/secrets/secrets.ts'
import { addToken } from '../../src/store/users/add-token.ts'
import { addUser } from '../../src/store/users/add-user.ts'
import { listUsers } from '../../src/store/users/list-users.ts'
import { trustListed } from '../../src/xapi/trust.ts'

export interface ListeningServer {
  readonly url: string
  readonly folder: string
  /** Of its certificate; empty for clear text. */
  readonly fingerprint: string
  /** Of an administrator; empty without users. */
  readonly token: string
  /** As that administrator. */
  readonly api: RemoteApi
  close(): Promise<void>
}

export interface ListeningOptions {
  /** Default: a temporary one, which `close` removes. */
  readonly folder?: string
  /** `none`: waits for its first administrator. Else there is one, `admin`, who has a token and no password. */
  readonly users?: 'none'
  readonly tls?: ServerOptions['tls']
  readonly logger?: ServerOptions['logger']
  readonly serve: (store: Store, onError: (error: unknown) => void) => Promise<Served>
}

export async function listeningServer(options: ListeningOptions): Promise<ListeningServer> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'server-'))
  const stop = new AbortController()
  let token = ''
  const server = await listen({
    folder,
    host: '127.0.0.1',
    port: 0,
    tls: options.tls ?? { kind: 'none' },
    publicNames: [],
    metricsOnLoopback: true,
    version: '0.0.0',
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    async serve(store, onError) {
      if (options.users !== 'none') token = await administratorsToken(store)
      return await options.serve(store, onError)
    },
  })
  const http = httpClient({
    address: serverAddress(server.url),
    token,
    trust: trustListed(server.fingerprint === null ? [] : [server.fingerprint]),
    signal: stop.signal,
  })
  return {
    url: server.url,
    folder,
    fingerprint: server.fingerprint ?? '',
    token,
    api: apiOf(http),
    async close() {
      http.close()
      await server.close(0)
      if (options.folder === undefined) rmSync(folder, { recursive: true })
    },
  }
}

/** A user whom nobody can log in as, with a new token. */
async function administratorsToken(store: Store): Promise<string> {
  const known = (await listUsers(store.db)).find(({ name }) => name === 'admin')
  const user = known ?? (await addUser(store, { name: 'admin', role: 'administrator', passwordHash: '!' }, Date.now()))
  const secret = newToken()
  await addToken(store.db, user, { name: 'test', role: 'administrator', tokenHash: hashOf(secret), expiresAt: null }, Date.now())
  return secret
}

export interface LabServerOptions {
  readonly users?: 'none'
  readonly clock?: Clock
  readonly logger?: ServerOptions['logger']
  /** Default: a certificate of its own making. */
  readonly tls?: ServerOptions['tls']
}

/** The whole server, for pools of the lab: messages are sent at once, and what a pool tells is looked at at once. */
export async function serverForPools({ clock = systemClock, ...options }: LabServerOptions = {}): Promise<ListeningServer> {
  return await listeningServer({
    tls: { kind: 'self-signed' },
    ...options,
    async serve(store, onError) {
      const secrets = await openSecrets(store, {})
      const pools = new PoolService({ store, secrets, clock, onError })
      const timing = { groupNoticesMs: 1, betweenMessagesMs: 1, gatherMs: 1, firstSightMs: 1 }
      const seedsFolder = store.folder === undefined ? undefined : join(store.folder, 'seeds')
      // Short waits: a lock that nobody beats is given up soon.
      const lockTiming = { beatMs: 200, patienceMs: 2000 }
      const engine = replicationEngine({ pools })
      const plane = createControlPlane({ store, secrets, pools, engine, clock, onError, timing, seedsFolder, lockTiming })
      return {
        plane,
        async start() {
          await pools.start()
          await plane.start()
        },
        async close(graceMs) {
          await plane.close(graceMs)
          await pools.close()
        },
      }
    },
  })
}
