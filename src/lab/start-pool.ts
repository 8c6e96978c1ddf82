/** Starts a simulated pool: a new one in an empty folder, or the one that the folder holds. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bulkHandlers } from './bulk/handlers.ts'
import { type HostCertificate, hostCertificate } from './certificate.ts'
import { classParts } from './classes/tables.ts'
import { openDatabase } from './database/database.ts'
import { eventMessages } from './events/event-messages.ts'
import { createFirstObjects, findFirstObjects } from './first-objects.ts'
import { bulkRoutes } from './http/bulk-routes.ts'
import { rpcRoutes } from './http/rpc-routes.ts'
import { startHttpServer } from './http/server.ts'
import { startXapiNbd } from './nbd/xapi-nbd.ts'
import type { LabPool, PoolSettings, Storage, Value } from './pool.ts'
import { createDispatcher, type Dispatcher } from './rpc/dispatcher.ts'
import { driverMessages } from './rpc/driver-messages.ts'
import { sessionMessages } from './session/session-messages.ts'
import { createSessions } from './session/sessions.ts'
import { startStorage } from './storage/start-storage.ts'
import { startCollection } from './tasks/collection.ts'
import { taskMessages } from './tasks/task-messages.ts'
import { createTasks } from './tasks/tasks.ts'

export interface PoolOptions {
  readonly name: string
  /** Everything of the pool is kept here; made when missing. */
  readonly folder: string
  /** 0 or absent: a free port. */
  readonly port?: number
  /** Address to listen on and to tell as the host's; 127.0.0.1 when absent. */
  readonly address?: string
  readonly user?: string
  readonly password: string
  /** Whether the management network of a new pool is for NBD (default), and the port of the server (0: a free one). */
  readonly nbd?: boolean | { readonly port: number }
  readonly settings?: Partial<PoolSettings>
  /** Names of the SRs of a new pool; ignored when the folder holds one. */
  readonly srs?: readonly string[]
  /** The pool's clock. */
  readonly now?: () => Date
}

export interface RunningPool {
  readonly pool: LabPool
  /** `https://127.0.0.1:port` */
  readonly url: string
  readonly port: number
  readonly fingerprint: string
  /** Where the NBD server listens; undefined when it is off. */
  readonly nbd: { readonly host: string; readonly port: number } | undefined
  /** Ends everything; the folder can be opened again. Safe more than once. */
  stop(): Promise<void>
}

const DEFAULTS: PoolSettings = { nbdDetachMs: 300, attachMs: 50, badLoginMs: 5000 }

/**
 * Starts the pool of the folder. Everything answered over its addresses is kept in the folder: a start after `stop` or kill -9 finds the
 * same objects and references, and event tokens go on. Sessions and tasks start empty, as after a restart of the toolstack. One process
 * at a time may use a folder. Rejects when a port is taken (EADDRINUSE), and leaves nothing running then.
 */
export async function startPool(options: PoolOptions): Promise<RunningPool> {
  const { name, folder, address = '127.0.0.1', user = 'root', password, srs = ['Local storage'], now = () => new Date() } = options
  mkdirSync(folder, { recursive: true })
  const certificate: HostCertificate = await hostCertificate(folder, `${name}-host`)
  const db = openDatabase(join(folder, 'pool.sqlite'))
  const stopping = new AbortController()
  const undo: (() => unknown)[] = [() => db.close()]
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= undoAll(undo)
    stopping.abort(new Error('the pool stops'))
    return stopped
  }
  try {
    const refs =
      findFirstObjects(db) ??
      createFirstObjects(db, {
        name,
        address,
        cert: certificate.cert,
        now: now(),
        srs,
        nbd: options.nbd !== false,
      })
    db.commit()
    let dispatcher: Dispatcher | undefined
    let storage: Storage | undefined
    let nbd: RunningPool['nbd']
    const pool: LabPool = {
      name,
      folder,
      db,
      get storage() {
        if (!storage) throw new Error('this pool has no storage')
        return storage
      },
      settings: { ...DEFAULTS, ...options.settings },
      now,
      certificate,
      user,
      password,
      refs,
      get nbd() {
        return nbd
      },
      async invoke(message, ...params): Promise<Value | undefined> {
        if (!dispatcher) throw new Error('the pool has not started')
        return dispatcher.invoke(message, params)
      },
      stopping: stopping.signal,
    }
    createSessions(pool)
    createTasks(pool)
    const tables = [driverMessages, sessionMessages, taskMessages, eventMessages(db), ...classParts.map(({ messages }) => messages)]
    dispatcher = createDispatcher(pool, db, tables)
    storage = startStorage(pool, undo)
    for (const { prepare } of classParts) prepare?.(pool)
    undo.push(startCollection(pool))
    if (options.nbd !== false) {
      const server = await startXapiNbd(pool, { host: address, port: typeof options.nbd === 'object' ? options.nbd.port : 0 })
      undo.push(() => server.stop())
      nbd = { host: address, port: server.port }
    }
    const routes = [...rpcRoutes(dispatcher), ...bulkRoutes(pool, bulkHandlers)]
    const http = await startHttpServer({ host: address, port: options.port ?? 0, cert: certificate.cert, key: certificate.key, routes })
    undo.push(() => http.close())
    db.commit()
    return { pool, url: `https://${address}:${http.port}`, port: http.port, fingerprint: certificate.fingerprint, nbd, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Ends everything, last first. What fails keeps nothing else from ending; the first failure is thrown at the end. */
async function undoAll(undo: readonly (() => unknown)[]): Promise<void> {
  // The signal first: what waits should not wait any longer.
  await Promise.resolve()
  const failures: unknown[] = []
  for (const step of [...undo].reverse()) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
