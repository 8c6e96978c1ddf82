/** A server with many VMs: 2,000 in 100 jobs, each job every ten minutes, its engine and pools simulated and everything else real. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiOf } from '../src/cli/remote/api.ts'
import { serverAddress } from '../src/cli/remote/connection.ts'
import { httpClient } from '../src/cli/remote/http-client.ts'
import { trustListed } from '../src/xapi/trust.ts'
import { type ServerProcess, startServerProcess } from '../test/support/server-process.ts'
import { jobSpec, scheduleSpec } from '../test/support/simulated-plane.ts'
import type { Figure } from './figures.ts'

const VMS = 2000
const JOBS = 100
/** The server's clock goes so many times faster: ten minutes of schedules in two minutes, with as many times the load. */
const SCALE = 5
const CYCLE_MS = 600_000 / SCALE
const MiB = 2 ** 20
const PAGES = ['/jobs', '/runs?limit=100', '/vm-runs?limit=100', '/protections?limit=100', '/protections/counts']

export async function manyVms(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-server-'))
  try {
    const server = await startServerProcess({ folder, vms: VMS, groups: JOBS, takesMs: 1000, scale: SCALE })
    try {
      await define(server)
      const pages = await timePages(server, CYCLE_MS * 1.25)
      const memory = peakOf(server.pid)
      const { delaysMs, vmRuns } = await server.stop()
      return figuresOf(pages, delaysMs, vmRuns, memory)
    } catch (error) {
      await server.kill()
      throw error
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function figuresOf(pages: readonly number[], delaysMs: readonly number[], vmRuns: number, memory: number): Figure[] {
  const what = `server with ${VMS} VMs in ${JOBS} jobs every 10 minutes, time ${SCALE} times faster`
  return [
    { what, figure: 'VM runs carried out', value: vmRuns, unit: '' },
    { what, figure: 'VM run begins after its tick or free place, median', value: quantile(delaysMs, 0.5), unit: 'ms' },
    { what, figure: 'VM run begins after its tick or free place, p99', value: quantile(delaysMs, 0.99), unit: 'ms', limit: 1000 },
    { what, figure: 'list page of the API, median', value: quantile(pages, 0.5), unit: 'ms' },
    { what, figure: 'list page of the API, p95', value: quantile(pages, 0.95), unit: 'ms', limit: 50 },
    { what, figure: 'peak memory', value: memory / MiB, unit: 'MiB', limit: 300 },
  ]
}

/** Limits are set out of the way: what is measured is the scheduler, and not how long it was told to wait. */
async function define(server: ServerProcess): Promise<void> {
  const stop = new AbortController()
  const http = httpClient({ address: serverAddress(server.url), token: server.token, trust: trustListed([]), signal: stop.signal })
  try {
    const api = apiOf(http)
    await api.settings.change({ vmRunsAtOnce: 100, vmRunsPerPool: 100, vmRunsPerSr: 100 })
    for (let nth = 0; nth < JOBS; nth++) {
      const selection = { include: [{ kind: 'tag', pool: null, tag: `group-${nth}` }], exclude: [] } as const
      await api.jobs.create({ ...jobSpec({ name: `job ${nth}`, selection }), schedules: [scheduleSpec()] })
    }
  } finally {
    http.close()
  }
}

/** As somebody who looks at one page after the other: milliseconds of each. */
async function timePages(server: ServerProcess, durationMs: number): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + durationMs
  for (let nth = 0; performance.now() < end; nth++) {
    const begin = performance.now()
    const answer = await fetch(`${server.url}/api/v1${PAGES[nth % PAGES.length]}`, { headers: { authorization: `Bearer ${server.token}` } })
    await answer.text()
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`)
    times.push(performance.now() - begin)
    await sleep(100)
  }
  return times
}

function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('nothing was measured')
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number
}

/** VmHWM of proc(5). */
function peakOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kibibytes === undefined) throw new Error('no VmHWM')
  return Number(kibibytes) * 1024
}
