/**
 * The folder that keeps a simulated pool: who may use it, and what has to be the same when it is opened again. What the pool
 * itself keeps there is its own business. `lab.json` is the lab's; `lab.lock` is locked as long as a process uses the folder.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Why a lab can't be started; said as it is to the user. */
export class LabError extends Error {
  override readonly name = 'LabError'
}

export interface PoolRecord {
  /** Order of the pools of one data folder: milliseconds since 1970 when it was made. */
  readonly made: number
  readonly password: string
  /** Whether the pool has NBD. */
  readonly nbd: boolean
  /** Milliseconds that the pool's clock is ahead of the machine's. */
  readonly clockOffset: number
  /** The ports it had last. */
  readonly ports: { readonly xapi: number; readonly nbd: number; readonly control: number }
}

export interface PoolFolder {
  readonly path: string
  /** What the pool was when it was last open; undefined for a new one. */
  readonly record: PoolRecord | undefined
  /** From now on the folder holds a pool. Until the first time it is emptied whenever it is opened. */
  remember(record: PoolRecord): void
  /** Lets others use the folder. */
  release(): void
}

const namePattern = /^[a-z0-9][a-z0-9_-]{0,31}$/i
const lockNames = ['lab.lock', 'lab.pid']

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
  return listFolder(data)
    .filter((name) => namePattern.test(name))
    .map((name) => ({ name, record: readRecord(join(data, name)) }))
    .filter((found): found is { name: string; record: PoolRecord } => found.record !== undefined)
    .sort((a, b) => a.record.made - b.record.made || a.name.localeCompare(b.name))
    .map(({ name }) => name)
}

/**
 * Opens, makes if need be, and locks a pool's folder. LabError when another lab uses it. What a start that was killed before it
 * was through has left there is removed.
 */
export function openPoolFolder(data: string, name: string): PoolFolder {
  const path = join(data, name)
  const there = listFolder(path)
  // What is not ours is never emptied.
  if (there.length > 0 && !there.includes('lab.lock')) throw new LabError(`${path} holds something that is no pool of a lab`)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const release = lock(path, name)
  try {
    const record = readRecord(path)
    if (!record)
      for (const left of listFolder(path)) if (!lockNames.includes(left)) rmSync(join(path, left), { recursive: true, force: true })
    return { path, record, remember: (given) => writeRecord(path, given), release }
  } catch (error) {
    release()
    throw error
  }
}

/**
 * The system's lock on a file ends with the process that holds it, however that ends, so that none is ever stale; SQLite knows how to
 * take one on every system.
 */
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

function readRecord(path: string): PoolRecord | undefined {
  const text = readText(join(path, 'lab.json'))
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as PoolRecord
  } catch {
    throw new LabError(`${join(path, 'lab.json')} is broken`)
  }
}

function writeRecord(path: string, record: PoolRecord): void {
  const file = join(path, 'lab.json')
  writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}
