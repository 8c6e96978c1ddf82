/**
 * The folder that keeps a simulated pool: who may use it, and the ports it had. What the pool itself keeps there is its own
 * business. `lab.json` holds the ports and when the pool was made; `lab.lock` is locked as long as a process uses the folder.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Why a lab can't be started; said as it is to the user. */
export class LabError extends Error {
  override readonly name = 'LabError'
}

export interface RememberedPorts {
  readonly xapi: number
  readonly nbd: number
  readonly control: number
}

export interface PoolFolder {
  readonly path: string
  /** The ports of the last time; undefined for a new pool. */
  readonly ports: RememberedPorts | undefined
  remember(ports: RememberedPorts): void
  /** Lets others use the folder. */
  release(): void
}

interface Settings {
  /** Order of the pools of one folder: milliseconds since 1970 when it was made. */
  readonly made: number
  readonly ports?: RememberedPorts
}

const namePattern = /^[a-z0-9][a-z0-9_-]{0,31}$/i

/** Checks the pools' names: they name folders, and appear in addresses that people read. */
export function checkPoolNames(names: readonly string[]): void {
  if (names.length === 0) throw new LabError('no pool is named')
  for (const name of names) {
    if (!namePattern.test(name)) throw new LabError(`'${name}' can't be a pool's name: letters, digits, - and _ can be in it, up to 32`)
  }
  const twice = names.find((name, index) => names.some((other, at) => at > index && other.toLowerCase() === name.toLowerCase()))
  if (twice !== undefined) throw new LabError(`pool '${twice}' is named twice`)
}

/** The pools that a data folder has, in the order they were made. */
export function poolsIn(data: string): string[] {
  let names: string[]
  try {
    names = readdirSync(data)
  } catch {
    return []
  }
  return names
    .filter((name) => namePattern.test(name))
    .map((name) => ({ name, settings: readSettings(join(data, name)) }))
    .filter((found): found is { name: string; settings: Settings } => found.settings !== undefined)
    .sort((a, b) => a.settings.made - b.settings.made || a.name.localeCompare(b.name))
    .map(({ name }) => name)
}

/** Opens, makes if need be, and locks a pool's folder. LabError when another lab uses it. `made` orders the pools of a data folder. */
export function openPoolFolder(data: string, name: string, made: number): PoolFolder {
  const path = join(data, name)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const release = lock(path, name)
  const settings = readSettings(path) ?? { made }
  // At once, so that a pool whose first start was killed is found again too.
  writeSettings(path, settings)
  return {
    path,
    ports: settings.ports,
    remember: (ports) => writeSettings(path, { ...settings, ports }),
    release,
  }
}

/** The system's lock on a file ends with the process that holds it, however that ends: there is no stale one. SQLite knows how to take it anywhere. */
function lock(path: string, name: string): () => void {
  const holder = join(path, 'lab.pid')
  const file = new DatabaseSync(join(path, 'lab.lock'), { timeout: 0 })
  try {
    file.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    file.close()
    // SQLITE_BUSY
    if ((error as { errcode?: number }).errcode !== 5) throw error
    throw new LabError(`pool '${name}' in ${path} is in use by another lab (process ${readText(holder) ?? 'unknown'})`)
  }
  writeFileSync(holder, String(process.pid))
  return () => file.close()
}

function readSettings(path: string): Settings | undefined {
  const text = readText(join(path, 'lab.json'))
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Settings
  } catch {
    throw new LabError(`${join(path, 'lab.json')} is broken`)
  }
}

function writeSettings(path: string, settings: Settings): void {
  const file = join(path, 'lab.json')
  writeFileSync(`${file}.new`, `${JSON.stringify(settings)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined
    throw error
  }
}
