/** A server that listens: store, control plane and API on a data folder, and their end in the right order. */
import type { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { FastifyServerOptions } from 'fastify'
import type { ControlPlane } from '../jobs/control-plane.ts'
import type { LabOperations } from '../jobs/try-lab/try-lab.ts'
import { openStore, type Store } from '../store/open-store.ts'
import { listUsers } from '../store/users/list-users.ts'
import { pruneSessions } from '../store/users/prune-sessions.ts'
import { SESSION_IDLE_MS } from './auth/authenticate.ts'
import { makeSetupLink } from './auth/setup-links.ts'
import { buildApi } from './build-api.ts'
import { selfSignedTls, type TlsMaterial } from './tls-material.ts'

/** A control plane with what it stands on; `start` returns once it schedules, which may take until the pools were seen. */
export interface Served {
  readonly plane: ControlPlane
  readonly lab?: LabOperations
  start(): Promise<void>
  close(graceMs: number): Promise<void>
}

export interface ServerOptions {
  readonly folder: string
  readonly host: string
  /** 0: a free one */
  readonly port: number
  /** `none`: clear text */
  readonly tls: { readonly kind: 'own'; readonly material: TlsMaterial } | { readonly kind: 'self-signed' } | { readonly kind: 'none' }
  /** Names by which browsers reach the server, besides those of its certificate. */
  readonly publicNames: readonly string[]
  readonly trustProxy?: readonly string[]
  readonly metricsOnLoopback: boolean
  readonly version: string
  readonly logger?: FastifyServerOptions['logger']
  readonly pageFolder?: string
  readonly docsFolder?: string
  serve(store: Store, onError: (error: unknown) => void): Promise<Served>
}

export interface RunningServer {
  readonly url: string
  /** The one-time link by which the first administrator is made; null: there are users. */
  readonly firstStart: string | null
  /** SHA-256 of the certificate; null: clear text */
  readonly fingerprint: string | null
  /** undefined: clear text */
  readonly certificate: X509Certificate | undefined
  /**
   * No run begins any more and those under way have `graceMs` to end, then they are cancelled; meanwhile it can be looked at (/readyz tells 503).
   * Then streams are closed and no request is taken any more.
   */
  close(graceMs: number): Promise<void>
}

const PRUNE_MS = 3_600_000

/** Throws Failure of the store, the key, the certificate, ADDRESS_IN_USE; nothing is left open then. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { folder, host, port, publicNames } = options
  const store = await openStore({ folder })
  const undo: (() => Promise<unknown>)[] = [() => store.close()]
  try {
    const tls = await tlsOf(options)
    let report = (_error: unknown): void => undefined
    const served = await options.serve(store, (error) => report(error))
    undo.unshift(() => served.close(0))
    const behindProxy = options.trustProxy !== undefined
    const app = await buildApi({
      plane: served.plane,
      ...(served.lab === undefined ? {} : { lab: served.lab }),
      store,
      folder,
      now: () => Date.now(),
      version: options.version,
      // A proxy that is trusted speaks TLS to browsers, or there would be no reason to have one.
      secure: tls !== undefined || behindProxy,
      known: { names: [hostname(), ...publicNames], ...(tls === undefined ? {} : { certificate: tls.certificate }) },
      metricsOnLoopback: options.metricsOnLoopback,
      ...(tls === undefined ? {} : { https: { key: tls.key, cert: tls.cert } }),
      ...(options.trustProxy === undefined ? {} : { trustProxy: options.trustProxy }),
      ...(options.logger === undefined ? {} : { logger: options.logger }),
      ...(options.pageFolder === undefined ? {} : { pageFolder: options.pageFolder }),
      ...(options.docsFolder === undefined ? {} : { docsFolder: options.docsFolder }),
    })
    undo.unshift(() => app.close())
    report = (error) => app.log.error({ err: error }, 'the control plane')
    await app.listen({ host, port })
    const prune = setInterval(() => {
      const now = Date.now()
      pruneSessions(store.db, now, now - SESSION_IDLE_MS).catch(report)
    }, PRUNE_MS)
    prune.unref()
    const address = app.server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const url = `${tls === undefined ? 'http' : 'https'}://${nameFor(host)}:${address.port}`
    const isFirst = (await listUsers(store.db)).length === 0
    // Not waited for: the API answers while pools are still being connected to.
    const started = served.start().catch(report)
    return {
      url,
      firstStart: isFirst ? setupUrl(url, makeSetupLink(folder, Date.now())) : null,
      fingerprint: tls?.certificate.fingerprint256 ?? null,
      certificate: tls?.certificate,
      async close(graceMs) {
        clearInterval(prune)
        await served.close(graceMs)
        await app.close()
        await started
        await store.close()
      },
    }
  } catch (error) {
    for (const each of undo) await each().catch(() => undefined)
    throw error
  }
}

/** Behind `#`: browsers don't send it, so that it stands in no log. */
export const setupUrl = (url: string, link: string): string => `${url}/setup#${link}`

async function tlsOf({ tls, folder, publicNames }: ServerOptions): Promise<TlsMaterial | undefined> {
  if (tls.kind === 'none') return undefined
  return tls.kind === 'own' ? tls.material : await selfSignedTls(folder, publicNames)
}

function nameFor(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname()
  return host.includes(':') ? `[${host}]` : host
}

/** `dist-web` and `docs` of the package, wherever it is installed. */
export const packageFolder = (name: string): string => join(import.meta.dirname, '..', '..', name)
