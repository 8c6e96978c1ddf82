/**
 * Kill -9 of whoever writes to the database, again and again on the same one: what was acknowledged is there, nothing is half there, the
 * database is whole. UNDERSTUDY_STORE_KILLS says how often (default 12), UNDERSTUDY_SEED repeats the instants of a run.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { listJobs } from '../../src/store/jobs/list-jobs.ts'
import { DATABASE_FILE, openStore } from '../../src/store/open-store.ts'
import { markInterrupted } from '../../src/store/runs/mark-interrupted.ts'

const KILLS = Number(process.env.UNDERSTUDY_STORE_KILLS ?? 12)
const SEED = Number(process.env.UNDERSTUDY_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Mulberry32. */
function chances(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What the writer acknowledged before it was killed, some time after its first write. */
async function killedWriter(folder: string, first: number, aliveMs: number): Promise<string[]> {
  const program = join(import.meta.dirname, '../support/store-writer.ts')
  const child = spawn(process.execPath, [program, folder, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  let begun = () => {}
  const writing = new Promise<void>((resolve) => {
    begun = resolve
  })
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
    if (text.includes('job ')) begun()
  })
  const ended = once(child, 'close')
  await Promise.race([writing, ended])
  await delay(aliveMs)
  child.kill('SIGKILL')
  const [, signal] = await ended
  assert.equal(signal, 'SIGKILL', 'the writer ended by itself')
  return text.slice(0, text.lastIndexOf('\n')).split('\n').slice(1)
}

test(`kill -9 under load, ${KILLS} times: no acknowledged job or run is lost, no tick without its run, the database is whole (seed ${SEED})`, {
  timeout: 60_000 + KILLS * 30_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'killed-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const chance = chances(SEED)
  const acknowledged: string[] = []
  for (let nth = 0; nth < KILLS; nth++) {
    acknowledged.push(...(await killedWriter(folder, nth * 10_000, chance() * 150)))
    const raw = new DatabaseSync(join(folder, DATABASE_FILE))
    assert.deepEqual({ ...raw.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' })
    assert.deepEqual(raw.prepare('pragma foreign_key_check').all(), [])
    raw.close()
    const store = await openStore({ folder })
    const jobs = new Set((await listJobs(store.db)).map((job) => job.id))
    const runs = new Map((await store.db.selectFrom('runs').select(['id', 'state', 'schedule_id']).execute()).map((run) => [run.id, run]))
    for (const line of acknowledged) {
      const [what, id = ''] = line.split(' ')
      if (what === 'job') assert.ok(jobs.has(id), line)
      if (what === 'begun') assert.ok(runs.has(id), line)
      if (what === 'ended') assert.match(runs.get(id)?.state ?? '', /^(success|partial)$/, line)
    }
    const halves = await store.db
      .selectFrom('runs')
      .leftJoin('vm_runs', 'vm_runs.run_id', 'runs.id')
      .select(({ fn }) => ['runs.id', fn.count<number>('vm_runs.id').as('n')])
      .groupBy('runs.id')
      .having(({ fn }) => fn.count('vm_runs.id'), '<>', 5)
      .execute()
    assert.deepEqual(halves, [], 'a run comes with all of its VM runs')
    const scheduled = new Set([...runs.values()].map((run) => run.schedule_id))
    const ticked = await store.db.selectFrom('schedules').select('id').where('last_tick', 'is not', null).execute()
    assert.deepEqual([...scheduled].sort(), ticked.map(({ id }) => id).sort(), 'a tick and its run are stored together')
    const interrupted = await store.transaction((db) => markInterrupted(db, new Date().toISOString()))
    for (const id of interrupted.runs) assert.ok(!acknowledged.includes(`ended ${id}`))
    await store.close()
  }
  const ended = acknowledged.filter((line) => line.startsWith('ended')).length
  t.diagnostic(`${acknowledged.length} acknowledgements, ${ended} runs ended`)
  assert.ok(ended > 0, 'the writer got somewhere')
})
