/** The quickstart's server: `understudy serve` in a process and folder of its own, with both pools of the lab and a job that goes on with the chain shown before. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from '../src/core/control/job.ts'
import type { PoolStatus } from '../src/core/control/pool-record.ts'
import type { Run } from '../src/core/control/run-record.ts'
import type { RunReport } from '../src/core/report.ts'
import type { ControlledLabPool } from '../test/support/lab.ts'

const START_MS = 120_000
const RUN_MS = 120_000

export interface QuickstartServer {
  readonly url: string
  readonly user: string
  readonly password: string
  /** Registers both pools, and a job for the chain of `report`. */
  protect(source: ControlledLabPool, target: ControlledLabPool, report: RunReport): Promise<Job>
  /** Runs the job, to its end. */
  run(job: Job): Promise<Run>
  close(): Promise<void>
}

/** Clear text: it listens on this machine only, and a browser would warn of a certificate of its own making. */
export async function startQuickstartServer(): Promise<QuickstartServer> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-'))
  const command = join(import.meta.dirname, '..', 'bin', 'understudy.js')
  const args = [command, 'serve', '--data', folder, '--port', '0', '--no-tls', '--json', '--log-level', 'error']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'close')
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const { url, firstStart } = await ready(child)
    const user = 'admin'
    const password = randomBytes(9).toString('base64url')
    const session = new Session(url)
    await session.enter(firstStart.split('#')[1] as string, user, password)
    return { url, user, password, close, protect: (...parts) => protect(session, ...parts), run: (job) => run(session, job) }
  } catch (error) {
    await close()
    throw error
  }
}

async function ready(child: ChildProcess): Promise<{ url: string; firstStart: string }> {
  let said = ''
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
  try {
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('\n')) resolve(said)
      })
      child.once('error', reject)
      child.once('close', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}: ${errors.trim()}`)))
    })
    return JSON.parse(line) as { url: string; firstStart: string }
  } finally {
    clearTimeout(timer)
  }
}

/** A browser's session, without a browser. */
class Session {
  readonly #url: string
  #headers: Readonly<Record<string, string>> = {}

  constructor(url: string) {
    this.#url = url
  }

  async enter(link: string, name: string, password: string): Promise<void> {
    const response = await this.#fetch('POST', '/setup', { link, name, password })
    const cookie = response.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ')
    const { csrf } = (await response.json()) as { csrf: string }
    this.#headers = { cookie, 'x-csrf-token': csrf }
  }

  async ask<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    return (await (await this.#fetch(method, path, body)).json()) as T
  }

  async #fetch(method: string, path: string, body?: object): Promise<Response> {
    const headers = { ...this.#headers, connection: 'close', ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(60_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (response.ok) return response
    const { title, detail } = (await response.json()) as { title: string; detail?: string }
    throw new Error(`${method} ${path}: ${detail ?? title}`)
  }
}

async function protect(session: Session, source: ControlledLabPool, target: ControlledLabPool, report: RunReport): Promise<Job> {
  const add = ({ name, url, user, password, fingerprint }: ControlledLabPool) =>
    session.ask<PoolStatus>('POST', '/pools', { name, url, user, password, fingerprint })
  const from = await add(source)
  const to = await add(target)
  const job = {
    id: report.job,
    name: `${report.vm.name} to ${target.name}`,
    enabled: true,
    selection: { include: [{ kind: 'vm', pool: from.id, vm: report.vm.uuid }], exclude: [] },
    targets: [{ pool: to.id, sr: report.sr.uuid }],
    settings: {},
    schedules: [
      {
        id: randomUUID(),
        name: 'every 10 minutes',
        enabled: true,
        timing: { kind: 'interval', minutes: 10 },
        retention: { last: 3 },
        settings: {},
      },
    ],
  }
  // Imported, since a job that is made anew has an id, and so a chain, of its own.
  const { items } = await session.ask<{ items: Job[] }>('POST', '/jobs/import', {
    format: 'understudy-jobs',
    version: 1,
    jobs: [job],
    pools: [],
  })
  return items[0] as Job
}

async function run(session: Session, job: Job): Promise<Run> {
  let begun = await session.ask<Run>('POST', '/runs', { job: job.id })
  for (const end = Date.now() + RUN_MS; begun.endedAt === null; begun = await session.ask<Run>('GET', `/runs/${begun.id}`)) {
    if (Date.now() > end) throw new Error('the run of the job does not end')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  if (begun.state !== 'success') throw new Error(`the run of the job ended as ${begun.state}`)
  return begun
}
