/** Starts a simulated pool: a new one in an empty folder, or the one that the folder holds. */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bulkHandlers } from './bulk/handlers.ts'
import { type HostCertificate, hostCertificate } from './certificate.ts'
import { classParts } from './classes/tables.ts'
import { openDatabase } from './database/database.ts'
import { eventMessages } from './events/event-messages.ts'
import type { Faults } from './faults/fault.ts'
import { createFaults } from './faults/faults.ts'
import { createFirstObjects, findFirstObjects } from './first-objects.ts'
import { addHost, nextAddress } from './hosts/more-hosts.ts'
import type { PoolHosts } from './hosts/pool-hosts.ts'
import { type StartedHosts, startHosts } from './hosts/start-hosts.ts'
import { bulkRoutes } from './http/bulk-routes.ts'
import { rpcRoutes } from './http/rpc-routes.ts'
import type { Database, LabPool, PoolSettings, Refstring, Storage, Value } from './pool.ts'
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
  /**
   * Hosts of a new pool (1). Several listen on one address each, from `address` on, on the same ports. The first of `srs` is each host's own
   * then, the others are shared.
   */
  readonly hosts?: number
  /** The pool's clock. */
  readonly now?: () => Date
  /** What goes wrong on purpose. Given, it outlives the pool. */
  readonly faults?: Faults
}

export interface RunningPool {
  readonly pool: LabPool
  /** `https://127.0.0.1:port` of the master, as it is now; so is the fingerprint. */
  readonly url: string
  /** Of every host. */
  readonly port: number
  readonly fingerprint: string
  /** What to do with the hosts, and where each is. */
  readonly hosts: PoolHosts
  /** Where the master's NBD server listens; undefined when it is off. */
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
    const wellKnown = findFirstObjects(db) ?? (await createObjects(db, { ...options, address, srs, now: now() }))
    db.commit()
    const faults = options.faults ?? createFaults()
    const certificates = await hostCertificates(db, folder)
    const master = () => db.get('pool', wellKnown.pool).master as Refstring
    let dispatcher: Dispatcher | undefined
    let storage: Storage | undefined
    let hosts: StartedHosts | undefined
    const pool: LabPool = {
      name,
      folder,
      db,
      get storage() {
        if (!storage) throw new Error('this pool has no storage')
        return storage
      },
      settings: { ...DEFAULTS, ...options.settings },
      faults,
      now,
      get certificate() {
        return certificates.get(master()) as HostCertificate
      },
      user,
      password,
      refs: {
        pool: wellKnown.pool,
        get host() {
          return master()
        },
        get controlDomain() {
          return db.get('host', master()).control_domain as Refstring
        },
      },
      get nbd() {
        return hosts?.find(master())?.nbd
      },
      async invoke(message, ...params): Promise<Value | undefined> {
        if (!dispatcher) throw new Error('the pool has not started')
        return dispatcher.invoke(message, params)
      },
      stopping: stopping.signal,
    }
    faults.bind(pool)
    createSessions(pool)
    createTasks(pool)
    const tables = [driverMessages, sessionMessages, taskMessages, eventMessages(db), ...classParts.map(({ messages }) => messages)]
    dispatcher = createDispatcher(pool, db, tables)
    storage = startStorage(pool, undo)
    for (const { prepare } of classParts) prepare?.(pool)
    undo.push(startCollection(pool))
    const running = await startHosts(pool, dispatcher, {
      certificates,
      port: options.port ?? 0,
      nbdPort: options.nbd === false ? undefined : typeof options.nbd === 'object' ? options.nbd.port : 0,
      routes: (seen, host) => [...rpcRoutes(seen, faults), ...bulkRoutes(pool, bulkHandlers, host)],
    })
    hosts = running
    faults.onCertificate((host, certificate) => running.useCertificate(host, certificate))
    undo.push(() => running.close())
    db.commit()
    return {
      pool,
      hosts: running,
      port: running.port,
      get url() {
        return `https://${db.get('host', master()).address}:${running.port}`
      },
      get fingerprint() {
        return pool.certificate.fingerprint
      },
      get nbd() {
        return pool.nbd
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The objects of a new pool, on as many hosts as it is to have. */
async function createObjects(
  db: Database,
  options: Omit<PoolOptions, 'now'> & { readonly address: string; readonly srs: readonly string[]; readonly now: Date },
) {
  const { name, folder, address, srs, now, hosts = 1 } = options
  const { cert } = await hostCertificate(folder, `${name}-host`, address)
  const refs = createFirstObjects(db, { name, address, cert, now, srs, nbd: options.nbd !== false })
  for (let number = 2; number <= hosts; number++) {
    const uuid = randomUUID()
    const own = { name: `${name}-host-${number}`, address: nextAddress(address, number - 1) }
    const certificate = await hostCertificate(certificateFolder(folder, uuid), own.name, own.address)
    addHost(db, { ...own, uuid, number, cert: certificate.cert, now, srs })
  }
  return refs
}

/** That of the first host is in the folder itself. */
async function hostCertificates(db: Database, folder: string): Promise<Map<Refstring, HostCertificate>> {
  const out = new Map<Refstring, HostCertificate>()
  for (const ref of db.refs('host')) {
    const { uuid, name_label, address } = db.get('host', ref)
    const own = certificateFolder(folder, uuid as string)
    out.set(ref, await hostCertificate(existsSync(own) ? own : folder, name_label as string, address as string))
  }
  return out
}

const certificateFolder = (folder: string, uuid: string) => join(folder, 'hosts', uuid)

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
