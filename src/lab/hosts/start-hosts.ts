/** Starts the servers of a pool's hosts, and stops and starts hosts one by one. */
import type { HostCertificate } from '../certificate.ts'
import { text } from '../classes/fields.ts'
import { type HttpServer, type Route, startHttpServer } from '../http/server.ts'
import { startXapiNbd, type XapiNbd } from '../nbd/xapi-nbd.ts'
import type { LabPool, Refstring } from '../pool.ts'
import type { Dispatcher } from '../rpc/dispatcher.ts'
import { assertReachable, isAway, setAway } from './away.ts'
import { gatedRoute, hostGate, type LocalSessions } from './host-gate.ts'
import { autoPowerOn, haltGuests, restartByHa, setLive, setPlugged } from './host-life.ts'
import { type HostPlace, type HostState, keepHosts, type PoolHosts } from './pool-hosts.ts'

/** Time until the master calls a silent host dead (host_assumed_dead_interval in xen-api ocaml/xapi/xapi_globs.ml). */
const DEAD_MS = 10 * 60 * 1000
/** Until the toolstack restarts after a call that makes it (fuse_time; a real one waits longer). */
const SOON_MS = 50
/** How often free ports are tried that every address has. */
const TRIES = 50

export interface HostsOptions {
  /** Of every host of the pool. */
  readonly certificates: Map<Refstring, HostCertificate>
  /** The same for all hosts, as 443 is for real ones; 0: one that is free at every address. */
  readonly port: number
  /** Undefined: no NBD servers. */
  readonly nbdPort: number | undefined
  /** What a host serves; calls go through its gate. */
  routes(dispatcher: Pick<Dispatcher, 'dispatch'>, host: Refstring): Route[]
}

export interface StartedHosts extends PoolHosts {
  readonly port: number
  readonly nbdPort: number | undefined
  /** Shows another certificate, from the next connection on; undefined: the one it had at first. */
  useCertificate(host: Refstring, certificate: HostCertificate | undefined): void
  close(): Promise<void>
}

/** Starts the servers of all hosts that are not away. Rejects when a port is taken (EADDRINUSE), and leaves nothing running then. */
export async function startHosts(pool: LabPool, dispatcher: Dispatcher, options: HostsOptions): Promise<StartedHosts> {
  const hosts = new Hosts(pool, dispatcher, options)
  keepHosts(pool, hosts)
  await hosts.open()
  return hosts
}

/** Addresses in their order, which is the order in which the hosts were made. */
function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

class Hosts implements StartedHosts {
  readonly #pool: LabPool
  readonly #options: HostsOptions
  readonly #dispatcher: Dispatcher
  readonly #locals: LocalSessions = new Map()
  readonly #http = new Map<Refstring, HttpServer>()
  readonly #nbd = new Map<Refstring, XapiNbd>()
  readonly #booting = new Set<Refstring>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #firstCertificates: ReadonlyMap<Refstring, HostCertificate>
  /** Changes of hosts, one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false
  port: number
  nbdPort: number | undefined

  constructor(pool: LabPool, dispatcher: Dispatcher, options: HostsOptions) {
    this.#pool = pool
    this.#dispatcher = dispatcher
    this.#options = options
    this.#firstCertificates = new Map(options.certificates)
    this.port = options.port
    this.nbdPort = options.nbdPort
  }

  async open(): Promise<void> {
    const { db } = this.#pool
    for (let tries = 1; ; tries++) {
      try {
        for (const host of db.refs('host')) if (!isAway(db, host)) await this.#serve(host)
        break
      } catch (error) {
        await this.#closeServers(db.refs('host'))
        const { code, port } = error as NodeJS.ErrnoException & { port?: number }
        // A free port of one address may be taken at another.
        const ours = this.#options.port === 0 && port === this.port
        const nbds = this.#options.nbdPort === 0 && port === this.nbdPort
        if (code !== 'EADDRINUSE' || !(ours || nbds) || tries >= TRIES) throw error
        if (ours) this.port = 0
        if (nbds) this.nbdPort = 0
      }
    }
    for (const host of db.refs('host')) if (isAway(db, host)) this.#dieLater(host)
  }

  list(): HostPlace[] {
    const found = this.#pool.db.refs('host').flatMap((host) => this.find(host) ?? [])
    return found.sort((a, b) => numberOf(a.address) - numberOf(b.address))
  }

  find(ref: Refstring): HostPlace | undefined {
    const { db, refs } = this.#pool
    const row = db.find('host', ref)
    const certificate = this.#options.certificates.get(ref)
    if (!row || !certificate) return undefined
    const address = text(row, 'address')
    const state: HostState = this.#booting.has(ref) ? 'booting' : isAway(db, ref) ? 'down' : 'up'
    return {
      ...{ ref, address, certificate, state, uuid: text(row, 'uuid'), name: text(row, 'name_label'), master: refs.host === ref },
      url: `https://${address}:${this.port}`,
      nbd: this.nbdPort === undefined ? undefined : { host: address, port: this.nbdPort },
    }
  }

  stop(host: Refstring, { clean = false }: { readonly clean?: boolean } = {}): Promise<void> {
    return this.#inTurn(async () => {
      const pool = this.#pool
      if (isAway(pool.db, host)) return
      if (clean) {
        haltGuests(pool, host)
        setPlugged(pool, host, false)
        pool.db.update('host', host, { enabled: false })
        setLive(pool, host, false)
      }
      setAway(pool.db, host, true)
      pool.db.commit()
      const closed = this.#closeServers([host])
      // Connections are cut by now: who waited for events is told nothing, and his wait ends with his session.
      if (pool.refs.host === host) this.#forgetSessions()
      await closed
      this.#dieLater(host)
    })
  }

  start(host: Refstring): Promise<void> {
    return this.#inTurn(async () => {
      const pool = this.#pool
      if (!isAway(pool.db, host) || this.#booting.has(host)) return
      this.#booting.add(host)
      try {
        await this.#serve(host)
      } catch (error) {
        this.#booting.delete(host)
        throw error
      }
      haltGuests(pool, host)
      pool.db.commit()
      await this.#afterBoot(async () => {
        setAway(pool.db, host, false)
        this.#booting.delete(host)
        setPlugged(pool, host, true)
        setLive(pool, host, true)
        pool.db.update('host', host, { enabled: true })
        pool.db.commit()
        await this.#serve(host)
        await autoPowerOn(pool)
        pool.db.commit()
      })
    })
  }

  becomeMaster(host: Refstring): Promise<void> {
    return this.#inTurn(async () => {
      const pool = this.#pool
      const { db, refs } = pool
      if (refs.host === host) return
      assertReachable(db, host)
      const running = db.refs('host').filter((ref) => !isAway(db, ref))
      for (const ref of running) this.#booting.add(ref)
      db.update('pool', refs.pool, { master: host })
      const closed = running.map((ref) => this.#closeHttp(ref))
      this.#forgetSessions()
      await Promise.all(closed)
      for (const ref of running) await this.#serve(ref)
      await this.#afterBoot(async () => {
        for (const ref of running) this.#booting.delete(ref)
      })
      // Nobody was there to notice while there was no master.
      for (const ref of db.refs('host')) if (isAway(db, ref)) this.#dieLater(ref)
    })
  }

  soon(work: () => Promise<void>): void {
    this.#later(SOON_MS, work)
  }

  useCertificate(host: Refstring, certificate: HostCertificate | undefined): void {
    const { certificates } = this.#options
    const shown = certificate ?? this.#firstCertificates.get(host)
    if (!shown) return
    certificates.set(host, shown)
    this.#http.get(host)?.useCertificate(shown)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#turn
    await this.#closeServers(this.#pool.db.refs('host'))
  }

  /** Opens what the host does not have open yet: HTTPS, and NBD once it has booted. */
  async #serve(host: Refstring): Promise<void> {
    const certificate = this.#options.certificates.get(host)
    if (!certificate || this.#closed) return
    const address = text(this.#pool.db.get('host', host), 'address')
    if (!this.#http.has(host)) {
      const gate = hostGate(this.#pool, this.#dispatcher, this, this.#locals, host)
      const routes = this.#options.routes(gate, host).map((route) => gatedRoute(this.#pool, this, host, route))
      const { cert, key } = certificate
      const { traffic } = this.#pool.faults
      const server = await startHttpServer({ host: address, port: this.port, cert, key, routes, traffic })
      this.#http.set(host, server)
      this.port = server.port
    }
    if (this.nbdPort === undefined || this.#nbd.has(host) || this.#booting.has(host)) return
    const { certificates } = this.#options
    const served = { host, certificate: () => certificates.get(host) ?? certificate }
    const server = await startXapiNbd(this.#pool, { host: address, port: this.nbdPort, served })
    this.#nbd.set(host, server)
    this.nbdPort = server.port
  }

  async #closeServers(hosts: readonly Refstring[]): Promise<void> {
    await Promise.all(
      hosts.flatMap((host) => {
        const nbd = this.#nbd.get(host)
        this.#nbd.delete(host)
        return [this.#closeHttp(host), nbd?.stop()]
      }),
    )
  }

  async #closeHttp(host: Refstring): Promise<void> {
    const server = this.#http.get(host)
    this.#http.delete(host)
    for (const [session, owner] of this.#locals) if (owner === host) this.#locals.delete(session)
    await server?.close()
  }

  /** The master's memory is gone: sessions and tasks are kept nowhere else. */
  #forgetSessions(): void {
    const { db } = this.#pool
    for (const className of ['session', 'task']) for (const ref of db.refs(className)) db.delete(className, ref)
    this.#locals.clear()
    db.commit()
  }

  /** The master notices after a while that a host is silent; with HA it then restarts what was lost. */
  #dieLater(host: Refstring): void {
    const pool = this.#pool
    this.#later(pool.settings.hostDeadMs ?? DEAD_MS, async () => {
      const master = this.find(pool.refs.host)
      if (!isAway(pool.db, host) || this.#booting.has(host) || master?.state !== 'up') return
      setLive(pool, host, false)
      await restartByHa(pool, host)
      pool.db.commit()
    })
  }

  async #afterBoot(work: () => Promise<void>): Promise<void> {
    const { hostBootMs = 0 } = this.#pool.settings
    if (hostBootMs === 0) await work()
    else this.#later(hostBootMs, work)
  }

  #later(ms: number, work: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!this.#closed) void work().catch(() => undefined)
    }, ms)
    timer.unref()
    this.#timers.add(timer)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}
