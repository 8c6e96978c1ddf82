/**
 * Kills a server with kill -9 at random instants while it runs jobs and is told to change them, again and again, and checks after each start:
 * every job that was acknowledged is there as it was acknowledged, every run that was seen to end is there as it ended, nothing is still under
 * way that died, and the database is whole.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiOf, type RemoteApi } from '../../src/cli/remote/api.ts'
import { serverAddress } from '../../src/cli/remote/connection.ts'
import { httpClient } from '../../src/cli/remote/http-client.ts'
import type { Job } from '../../src/core/control/job.ts'
import type { Run } from '../../src/core/control/run-record.ts'
import { DATABASE_FILE } from '../../src/store/open-store.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import { seededRandom } from './kill-loop.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'
import { jobSpec, SR, scheduleSpec, TARGET } from './simulated-plane.ts'

export interface ServerKillOptions {
  readonly rounds: number
  readonly seed: number
  readonly log?: (line: string) => void
}

export interface ServerKillTally {
  readonly rounds: number
  /** Acknowledged before a kill, and looked for after it. */
  readonly jobs: number
  readonly changes: number
  readonly runs: number
}

const GROUPS = 20
/** Runs beyond these are pruned from what is checked each time, not from the server. */
const CHECKED_RUNS = 60

export async function serverKillLoop({ rounds, seed, log = () => undefined }: ServerKillOptions): Promise<ServerKillTally> {
  const random = seededRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'server-kills-'))
  /** As the server last acknowledged them; what was asked for and not answered may be there or not. */
  const jobs = new Map<string, { acknowledged: Job; asked: Set<string> }>()
  const ended = new Map<string, Run>()
  const removed = new Set<string>()
  let changes = 0
  try {
    for (let round = 0; round < rounds; round++) {
      // A clock that goes faster: many runs are under way at each kill.
      const server = await startServerProcess({ folder, vms: 200, groups: GROUPS, takesMs: 150, scale: 60 })
      const stop = new AbortController()
      const http = httpClient({ address: serverAddress(server.url), token: server.token, trust: trustListed([]), signal: stop.signal })
      const api = apiOf(http)
      try {
        await check(api, jobs, ended, removed, `after the start of round ${round}`)
        const watching = watch(api, stop.signal, ended)
        const working = work(api, stop.signal, random, jobs, removed, () => changes++)
        await sleep(100 + random() * 900)
        await server.kill()
        stop.abort()
        await Promise.all([watching, working])
      } finally {
        stop.abort()
        http.close()
        await killQuietly(server)
      }
      checkDatabase(folder, round)
      log(`round ${round}: ${jobs.size} jobs, ${ended.size} runs seen to end, ${changes} changes acknowledged`)
    }
    return { rounds, jobs: jobs.size, changes, runs: ended.size }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Creates, changes and starts jobs, one thing after the other, until the server dies. */
async function work(
  api: RemoteApi,
  signal: AbortSignal,
  random: () => number,
  jobs: Map<string, { acknowledged: Job; asked: Set<string> }>,
  removed: Set<string>,
  acknowledged: () => void,
): Promise<void> {
  try {
    while (!signal.aborted) {
      const known = [...jobs.values()]
      const one = known[Math.floor(random() * known.length)]
      const dice = random()
      if (one === undefined || (known.length < GROUPS && dice < 0.4)) {
        const group = `group-${known.length}`
        const made = await api.jobs.create({
          ...jobSpec({
            name: `job ${known.length} ${Math.floor(random() * 1e9)}`,
            selection: { include: [{ kind: 'tag', pool: null, tag: group }], exclude: [] },
            targets: [{ pool: TARGET, sr: SR }],
          }),
          schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 1 } })],
        })
        jobs.set(made.id, { acknowledged: made, asked: new Set() })
      } else if (dice < 0.8) {
        const name = `renamed ${Math.floor(random() * 1e9)}`
        one.asked.add(name)
        one.acknowledged = await api.jobs.update(one.acknowledged.id, { name }, one.acknowledged.version)
        one.asked.clear()
      } else if (dice < 0.97) {
        await api.runs.start({ job: one.acknowledged.id }, `${Math.floor(random() * 1e12)}`)
      } else {
        const { id } = one.acknowledged
        // Whether or not the answer comes, it may be gone.
        jobs.delete(id)
        await api.jobs.remove(id)
        removed.add(id)
      }
      acknowledged()
    }
  } catch (error) {
    const { code } = error as { code?: string }
    if (!signal.aborted && code !== 'SERVER_UNREACHABLE') throw error
  }
}

/** Whoever listens was told that these have ended. */
async function watch(api: RemoteApi, signal: AbortSignal, ended: Map<string, Run>): Promise<void> {
  try {
    for await (const event of api.events(signal)) {
      if (event.kind === 'run' && event.run.endedAt !== null) ended.set(event.run.id, event.run)
    }
  } catch {
    // It was killed: that is the end of it.
  }
}

async function check(
  api: RemoteApi,
  jobs: Map<string, { acknowledged: Job; asked: Set<string> }>,
  ended: Map<string, Run>,
  removed: Set<string>,
  when: string,
): Promise<void> {
  const there = new Map((await api.jobs.list()).map((job) => [job.id, job]))
  for (const entry of jobs.values()) {
    const found = there.get(entry.acknowledged.id)
    assert.ok(found, `${when}: job ${entry.acknowledged.name} is lost`)
    const isAsked = entry.asked.has(found.name)
    assert.ok(isAsked || found.name === entry.acknowledged.name, `${when}: job ${found.name} was ${entry.acknowledged.name}`)
    assert.ok(found.version >= entry.acknowledged.version, `${when}: job ${found.name} went back to version ${found.version}`)
    assert.deepEqual(found.schedules, entry.acknowledged.schedules, when)
    entry.acknowledged = found
    entry.asked.clear()
  }
  for (const id of removed) assert.ok(!there.has(id), `${when}: a job that was removed is back`)
  for (const run of [...ended.values()].slice(-CHECKED_RUNS)) {
    const found = await api.runs.get(run.id).catch((error: { status?: number }) => {
      assert.notEqual(error.status, 404, `${when}: run ${run.id} (${run.state}) is lost`)
      throw error
    })
    assert.deepEqual([found.state, found.endedAt, found.totals], [run.state, run.endedAt, run.totals], `${when}: run ${run.id}`)
    assert.ok(
      found.vmRuns.every(({ endedAt }) => endedAt !== null),
      `${when}: a VM run of run ${run.id} has not ended`,
    )
  }
}

/** The database of a server that was just killed, with its log as it was left. */
function checkDatabase(folder: string, round: number): void {
  const database = new DatabaseSync(join(folder, DATABASE_FILE))
  try {
    assert.deepEqual({ ...database.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' }, `after the kill of round ${round}`)
    assert.deepEqual(database.prepare('pragma foreign_key_check').all(), [], `after the kill of round ${round}`)
  } finally {
    database.close()
  }
}

async function killQuietly(server: ServerProcess): Promise<void> {
  await server.kill().catch(() => undefined)
}
