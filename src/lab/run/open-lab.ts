import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { managementNetwork, setNbdPurpose } from '../control/storage-routes.ts'
import type { LabPool, PoolSettings } from '../pool.ts'
import { type DescribedPool, type KeptPool, keepPool } from './keep-pool.ts'
import { checkPoolNames, LabError, openPoolFolder, poolsIn } from './pool-folder.ts'

export interface LabOptions {
  /** Folder that keeps the pools; without one a temporary folder, which `close` removes. */
  readonly data?: string
  /** Names of the pools; default: those that the folder has, or paris and oslo. */
  readonly pools?: readonly string[]
  /** XAPI port of the first pool; the others follow. Default: those they had, or free ones. */
  readonly port?: number
  /** No VMs in a new first pool. */
  readonly empty?: boolean
  /** false: new pools have no NBD, as a freshly installed host. */
  readonly nbd?: boolean
  /** true: the management network of every pool is for NBD in clear text from this start on (purpose `insecure_nbd`). */
  readonly insecureNbd?: boolean
  /** Hosts of each new pool, up to 64 (1). */
  readonly hosts?: number
  /** Of root, in all pools. Default: a random one for each pool. */
  readonly password?: string
  readonly settings?: Partial<PoolSettings>
  /** Told in a line what the user should know; default: nobody. */
  note?(line: string): void
}

export interface Lab {
  /** Folder of the data. */
  readonly data: string
  /** Whether the folder goes when the lab ends. */
  readonly temporary: boolean
  readonly pools: readonly KeptPool[]
  describe(): { readonly pools: readonly DescribedPool[] }
  /** Ends everything. Safe more than once. */
  close(): Promise<void>
}

/** As many as a pool of XCP-ng may have. */
const MOST_HOSTS = 64

/** Starts simulated pools. LabError for what the user can change; nothing is left behind then. */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const { port, note = () => {} } = options
  const temporary = options.data === undefined
  const names = options.pools ?? (temporary ? [] : poolsIn(resolve(options.data as string)))
  const wanted = options.pools || names.length > 0 ? names : ['paris', 'oslo']
  checkPoolNames(wanted)
  if (port !== undefined && (port < 1 || port + wanted.length - 1 > 65_535))
    throw new LabError(`port ${port} is not a port for ${wanted.length} pools`)
  const { hosts } = options
  if (hosts !== undefined && !(Number.isInteger(hosts) && hosts >= 1 && hosts <= MOST_HOSTS))
    throw new LabError(`a pool has 1 to ${MOST_HOSTS} hosts, not ${hosts}`)
  const data = temporary ? mkdtempSync(join(tmpdir(), 'lab-')) : resolve(options.data as string)
  const pools: KeptPool[] = []
  const close = async () => {
    for (const pool of pools.splice(0).reverse()) await pool.close()
    // Not synchronously: large files take a while to go, and the process may do other things.
    if (temporary) await rm(data, { recursive: true, force: true })
  }
  try {
    makeFolder(data)
    const now = Date.now()
    for (const [index, name] of wanted.entries()) {
      pools.push(
        await keepPool(openPoolFolder(data, name), {
          name,
          made: now + index,
          port: port === undefined ? undefined : port + index,
          vms: index === 0 && options.empty !== true,
          nbd: options.nbd !== false,
          ...(hosts === undefined ? {} : { hosts }),
          password: options.password,
          settings: options.settings ?? {},
          note,
        }),
      )
    }
    if (options.insecureNbd) for (const { current } of pools) serveInClearText(current())
  } catch (error) {
    await close()
    throw error
  }
  const running = [...pools]
  return { data, temporary, pools: running, describe: () => ({ pools: running.map((pool) => pool.describe()) }), close }
}

function serveInClearText(pool: LabPool | undefined): void {
  const network = pool && managementNetwork(pool)
  if (pool !== undefined && network !== undefined) setNbdPurpose(pool, 'insecure_nbd', network)
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw new LabError(`the data folder ${path} can't be made: ${(error as Error).message}`)
  }
}
