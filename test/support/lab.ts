/**
 * Simulated pools for tests: in the test's own process (`startLab`), or as the command in a process of its own (`spawnLab`), which
 * can be killed and started again on the same folder.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LabPool } from '../../src/lab/pool.ts'
import type { DescribedPool, KeptPool } from '../../src/lab/run/keep-pool.ts'
import { type LabOptions, openLab } from '../../src/lab/run/open-lab.ts'

export type { DescribedPool } from '../../src/lab/run/keep-pool.ts'

/** A pool as the command describes it (as it was at the start: `vms` is not kept up to date), and its control address. */
export interface ControlledLabPool extends DescribedPool {
  /** `POST` to the control address: `pool.post('/guest/random', {vm, count: 100})`. Rejects with ControlFailure. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are as different as the requests
  post(path: string, body?: object): Promise<any>
  // biome-ignore lint/suspicious/noExplicitAny: answers are as different as the requests
  get(path: string): Promise<any>
  // biome-ignore lint/suspicious/noExplicitAny: answers are as different as the requests
  delete(path: string): Promise<any>
}

export interface StartedPool extends ControlledLabPool {
  /** The pool itself; throws while it is stopped. After stop and start it is another object. */
  readonly pool: LabPool
  /** Stops the toolstack; the control address stays. */
  stop(): Promise<void>
  /** Starts it again, on the same ports. */
  start(): Promise<void>
}

export interface StartedLab {
  readonly pools: readonly StartedPool[]
  readonly data: string
  close(): Promise<void>
}

/** What the control address refused. */
export class ControlFailure extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * A lab in this process, quick to answer where a real pool is slow unless `settings` say otherwise. Close it at the end. Without
 * `data` everything is in a temporary folder that `close` removes.
 */
export async function startLab(options: LabOptions = {}): Promise<StartedLab> {
  const quick = { nbdDetachMs: 20, attachMs: 0, badLoginMs: 20 }
  const lab = await openLab({ ...options, settings: { ...quick, ...options.settings } })
  return { data: lab.data, pools: lab.pools.map(startedPool), close: lab.close }
}

function startedPool(kept: KeptPool): StartedPool {
  const described = withControl(kept.describe())
  return {
    ...described,
    get pool() {
      const pool = kept.current()
      if (!pool) throw new Error(`pool ${kept.name} is stopped`)
      return pool
    },
    stop: () => kept.stop(),
    start: () => kept.start(),
  }
}

export interface SpawnedLab {
  readonly pools: readonly ControlledLabPool[]
  readonly pid: number
  /** Folder of the data: removed by `close` when it was made here. */
  readonly data: string
  /** What it has written to standard error so far. */
  readonly stderr: string
  /** Sends the signal and waits until the process has ended; its exit code (null: ended by the signal). */
  kill(signal: NodeJS.Signals): Promise<number | null>
  /** Starts it again after `kill`, with the same data and arguments; `pools` are the new ones then. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface SpawnOptions {
  /** Default: a temporary folder, which `close` removes. */
  readonly data?: string
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds until it has to be ready (default 60,000). */
  readonly timeoutMs?: number
}

/** `understudy lab --json --data … ARGS` as a child process; resolves when it is ready, rejects with what it says on failure. */
export async function spawnLab(args: readonly string[] = [], options: SpawnOptions = {}): Promise<SpawnedLab> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'lab-'))
  const removeData = () => {
    if (options.data === undefined) rmSync(data, { recursive: true, force: true })
  }
  const start = () => startProcess(['lab', '--json', '--data', data, ...args], options)
  let running = await start().catch((error: unknown) => {
    removeData()
    throw error
  })
  const kill = async (signal: NodeJS.Signals) => {
    const { child } = running
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal)
      await once(child, 'close')
    }
    return child.exitCode
  }
  return {
    get pools() {
      return running.pools
    },
    get pid() {
      return running.child.pid as number
    },
    get stderr() {
      return running.stderr()
    },
    data,
    kill,
    async restart() {
      running = await start()
    },
    async close() {
      await kill('SIGTERM')
      removeData()
    },
  }
}

interface RunningProcess {
  readonly child: ChildProcess
  readonly pools: readonly ControlledLabPool[]
  stderr(): string
}

async function startProcess(args: readonly string[], options: SpawnOptions): Promise<RunningProcess> {
  const command = join(import.meta.dirname, '../../bin/understudy.js')
  const env = { ...process.env, ...options.env }
  const child = spawn(process.execPath, [command, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  let stdout = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)
  try {
    const line = await new Promise<string>((ready, failed) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text
        if (stdout.includes('\n')) ready(stdout)
      })
      child.once('error', failed)
      child.once('close', (code, signal) => failed(new Error(`the lab ended with ${code ?? signal}: ${stderr.trim()}`)))
    })
    const { pools, error } = JSON.parse(line) as { pools?: DescribedPool[]; error?: { message: string } }
    if (pools === undefined) throw new Error(`the lab did not start: ${error?.message ?? line}`)
    return { child, pools: pools.map(withControl), stderr: () => stderr }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function withControl(described: DescribedPool): ControlledLabPool {
  const ask = async (method: string, path: string, body?: object) => {
    // Not kept alive: connections that wait for another request would look like leaks at the end of a test.
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const response = await fetch(new URL(path, described.control), { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
    const answer = (await response.json()) as { error?: string }
    if (!response.ok) throw new ControlFailure(response.status, answer.error ?? response.statusText)
    return answer
  }
  return {
    ...described,
    post: (path, body = {}) => ask('POST', path, body),
    get: (path) => ask('GET', path),
    delete: (path) => ask('DELETE', path),
  }
}
