/** The server with the built page, on simulated pools, as tests in a browser need it: clear text on a free port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashPassword } from '../../src/api/auth/password.ts'
import { packageFolder, startServer } from '../../src/api/start-server.ts'
import type { ControlPlane } from '../../src/jobs/control-plane.ts'
import { createControlPlane } from '../../src/jobs/create-control-plane.ts'
import { PoolService } from '../../src/jobs/pools/pool-service.ts'
import { replicationEngine } from '../../src/jobs/replication-engine.ts'
import { TryLab } from '../../src/jobs/try-lab/try-lab.ts'
import type { Store } from '../../src/store/open-store.ts'
import { openSecrets } from '../../src/store/secrets/secrets.ts'
import { addUser } from '../../src/store/users/add-user.ts'
import { type StartedLab, startLab } from './lab.ts'

export const ADMINISTRATOR = { name: 'admin', password: 'horse-battery-staple-1' } as const

export interface PageServer {
  readonly url: string
  /** Of its data. */
  readonly folder: string
  /** The one-time link of a server without users. */
  readonly firstStart: string | null
  readonly lab: StartedLab
  readonly plane: ControlPlane
  /** What nobody planned for. */
  readonly errors: readonly unknown[]
  close(): Promise<void>
}

export interface PageServerOptions {
  /** Made beforehand (default true); else the page asks for the first one. */
  readonly administrator?: boolean
  readonly lab?: Parameters<typeof startLab>[0]
  /** Of the database before anything reads it. */
  prepare?(store: Store): Promise<void>
  /** It can have a lab of its own, as `understudy serve` has. */
  readonly tryLab?: boolean
}

export async function startPageServer(options: PageServerOptions = {}): Promise<PageServer> {
  const { administrator = true } = options
  const folder = mkdtempSync(join(tmpdir(), 'page'))
  const lab = await startLab(options.lab)
  // What is started comes up.
  for (const pool of lab.pools) await pool.post('/guest/tools', {})
  const errors: unknown[] = []
  let plane: ControlPlane | undefined
  try {
    const server = await startServer({
      folder,
      host: '127.0.0.1',
      port: 0,
      tls: { kind: 'none' },
      publicNames: [],
      metricsOnLoopback: false,
      version: '0.0.0-test',
      pageFolder: packageFolder('dist-web'),
      docsFolder: packageFolder('docs'),
      async serve(store) {
        if (administrator) {
          const passwordHash = await hashPassword(ADMINISTRATOR.password)
          await addUser(store, { name: ADMINISTRATOR.name, role: 'administrator', passwordHash }, Date.now())
        }
        await options.prepare?.(store)
        const secrets = await openSecrets(store, {})
        const onError = (error: unknown) => void errors.push(error)
        const pools = new PoolService({ store, secrets, clock: { now: () => Date.now() }, reloadPauseMs: 200 })
        const made = createControlPlane({
          store,
          secrets,
          pools,
          engine: replicationEngine({ pools }),
          onError,
          timing: { gatherMs: 50 },
          seedsFolder: join(folder, 'seeds'),
        })
        plane = made
        const command = [process.execPath, join(packageFolder('bin'), 'understudy.js')]
        const own = options.tryLab ? new TryLab({ plane: made, folder, command, onError }) : undefined
        return {
          plane: made,
          ...(own === undefined ? {} : { lab: own }),
          async start() {
            await pools.start()
            await made.start()
          },
          async close(graceMs) {
            await made.close(graceMs)
            await pools.close()
            await own?.close()
          },
        }
      },
    })
    return {
      url: server.url,
      folder,
      firstStart: server.firstStart,
      lab,
      plane: plane as unknown as ControlPlane,
      errors,
      async close() {
        await server.close(0)
        await lab.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await lab.close()
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}
