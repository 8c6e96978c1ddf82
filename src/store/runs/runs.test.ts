import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minute, sampleRun, sampleVmRun } from '../../../test/support/control-samples.ts'
import type { RunFilter, VmRunFilter } from '../../core/control/page.ts'
import type { Run, RunState, VmRun, VmRunState } from '../../core/control/run-record.ts'
import type { Failure } from '../../core/failure.ts'
import type { RunReport } from '../../core/report.ts'
import { openStore, type Store } from '../open-store.ts'
import { findRun } from './find-run.ts'
import { findVmRun, findVmRunDetail } from './find-vm-run.ts'
import { insertLogLines } from './insert-log-lines.ts'
import { insertRun, insertVmRuns } from './insert-run.ts'
import { listRuns } from './list-runs.ts'
import { listVmRuns, vmRunsOfRun } from './list-vm-runs.ts'
import { markInterrupted } from './mark-interrupted.ts'
import { pruneDetails, pruneRuns } from './prune-runs.ts'
import { updateRun } from './update-run.ts'
import { updateVmRun } from './update-vm-run.ts'

test('a run and its VM runs come back as they were stored, and as they were changed', async () => {
  const store = await openStore({ memory: true })
  const run = sampleRun({ schedule: null, scheduleName: null, trigger: { kind: 'hand', by: 'admin' }, dryRun: true })
  const [one, two] = [sampleVmRun(run), sampleVmRun(run, { vm: { uuid: 'other', name: 'db' } })]
  await store.transaction((db) => insertRun(db, run, [one]))
  await store.transaction((db) => insertVmRuns(db, run, [two]))
  assert.deepEqual(await findRun(store.db, run.id), run)
  assert.deepEqual(await findVmRun(store.db, one.id), one)
  const ended: Run = {
    ...run,
    state: 'partial',
    reason: { code: 'why', text: 'because' },
    startedAt: minute(11),
    endedAt: minute(12),
    totals: { ...run.totals, succeeded: 1, bytesSent: 2 ** 50 },
  }
  const failed: VmRun = {
    ...one,
    state: 'failed',
    stage: 'transfer',
    startedAt: minute(11),
    endedAt: minute(12),
    attempt: 3,
    error: { code: 'POOL_BROKEN', message: 'gone', hint: 'again' },
    warnings: [{ code: 'w', text: 'careful' }],
    disks: [
      { userdevice: '0', name: 'system', what: 'transfer', bytesDone: 5, bytesExpected: null, bytesPerSecond: 1.5, secondsLeft: null },
    ],
  }
  await updateRun(store.db, ended)
  await updateVmRun(store.db, failed)
  assert.deepEqual(await findRun(store.db, run.id), ended)
  assert.deepEqual(
    await vmRunsOfRun(store.db, run.id),
    [failed, two].sort((a, b) => (a.id < b.id ? -1 : 1)),
  )
  assert.equal(await findRun(store.db, 'another'), undefined)
  assert.equal(await findVmRunDetail(store.db, 'another'), undefined)
  await store.close()
})

test('plan, report and log are kept beside a VM run; a change without them leaves them', async () => {
  const store = await openStore({ memory: true })
  const run = sampleRun()
  const vmRun = sampleVmRun(run)
  await store.transaction((db) => insertRun(db, run, [vmRun]))
  const report = { run: run.id, status: 'success' } as RunReport
  await updateVmRun(store.db, vmRun, { report })
  await updateVmRun(store.db, { ...vmRun, state: 'success' })
  const lines = Array.from({ length: 3_000 }, (_, nth) => ({ at: minute(10), level: 'info' as const, text: `line ${nth}` }))
  await store.transaction((db) =>
    insertLogLines(
      db,
      lines.map((line) => ({ vmRun: vmRun.id, line })),
    ),
  )
  const detail = await findVmRunDetail(store.db, vmRun.id)
  assert.deepEqual(detail, { ...vmRun, state: 'success', plan: null, report, log: lines })
  assert.deepEqual((await findVmRunDetail(store.db, vmRun.id, 2))?.log, lines.slice(-2))
  await store.close()
})

/** All pages of a list. */
async function pages<T>(fetch: (after: string | undefined) => Promise<{ items: readonly T[]; next: string | null }>): Promise<T[]> {
  const all: T[] = []
  for (let after: string | undefined, count = 0; count < 1_000; count++) {
    const { items, next } = await fetch(after)
    all.push(...items)
    if (next === null) return all
    after = next
  }
  return assert.fail('the list does not end')
}

const STATES: readonly RunState[] = ['success', 'failed', 'running', 'partial']

/** Runs of two jobs, of one or two VMs each, some at the same moment. */
async function stored(store: Store): Promise<{ runs: Run[]; vmRuns: VmRun[] }> {
  const runs: Run[] = []
  const vmRuns: VmRun[] = []
  for (let nth = 0; nth < 60; nth++) {
    const job = nth % 3 === 0 ? 'a' : 'b'
    const state = STATES[nth % 4] as RunState
    const run = sampleRun({ job, schedule: `${job}${nth % 2}`, state, queuedAt: minute(Math.floor(nth / 2)) })
    const ofRun = ['vm', `vm ${nth % 5}`].map((uuid, index) =>
      sampleVmRun(run, { vm: { uuid, name: uuid }, state: (index === 0 ? 'success' : 'failed') as VmRunState, queuedAt: minute(nth) }),
    )
    // A second target of the same VM.
    ofRun.push(sampleVmRun(run, { vm: { uuid: 'vm', name: 'vm' }, target: { pool: 'rome', sr: 'sr' }, queuedAt: minute(nth) }))
    await store.transaction((db) => insertRun(db, run, ofRun))
    runs.push(run)
    vmRuns.push(...ofRun)
  }
  const newest = (a: { queuedAt: string; id: string }, b: { queuedAt: string; id: string }) =>
    b.queuedAt.localeCompare(a.queuedAt) || (a.id < b.id ? 1 : -1)
  return { runs: runs.sort(newest), vmRuns: vmRuns.sort(newest) }
}

test('runs are listed newest first in pages of any size, each once, narrowed by any filter', async () => {
  const store = await openStore({ memory: true })
  const { runs, vmRuns } = await stored(store)
  const ofVm = (vm: string) => new Set(vmRuns.filter((one) => one.vm.uuid === vm).map((one) => one.run))
  const filters: [RunFilter, (run: Run) => boolean][] = [
    [{}, () => true],
    [{ job: 'a' }, (run) => run.job === 'a'],
    [{ schedule: 'b1' }, (run) => run.schedule === 'b1'],
    [{ state: ['failed'] }, (run) => run.state === 'failed'],
    [{ state: ['running', 'partial', 'running'] }, (run) => run.state === 'running' || run.state === 'partial'],
    [{ state: [] }, () => false],
    [{ job: 'b', state: ['failed', 'success'] }, (run) => run.job === 'b' && ['failed', 'success'].includes(run.state)],
    [{ since: minute(10), until: minute(20) }, (run) => run.queuedAt >= minute(10) && run.queuedAt < minute(20)],
    [{ vm: 'vm' }, () => true],
    [{ vm: 'vm 3' }, (run) => ofVm('vm 3').has(run.id)],
    [
      { vm: 'vm 3', state: ['failed', 'running'], since: minute(3) },
      (run) => ofVm('vm 3').has(run.id) && run.queuedAt >= minute(3) && ['failed', 'running'].includes(run.state),
    ],
    [
      { vm: 'vm 3', job: 'a', schedule: 'a0', until: minute(25) },
      (run) => ofVm('vm 3').has(run.id) && run.schedule === 'a0' && run.queuedAt < minute(25),
    ],
    [{ vm: 'nobody' }, () => false],
  ]
  for (const [filter, wanted] of filters) {
    for (const limit of [1, 7, 500]) {
      const listed = await pages((after) => listRuns(store.db, { ...filter, limit, ...(after === undefined ? {} : { after }) }))
      assert.deepEqual(listed, runs.filter(wanted), JSON.stringify({ filter, limit }))
    }
  }
  await store.close()
})

test('VM runs are listed alike', async () => {
  const store = await openStore({ memory: true })
  const { runs, vmRuns } = await stored(store)
  const run = runs[5]?.id as string
  const filters: [VmRunFilter, (vmRun: VmRun) => boolean][] = [
    [{}, () => true],
    [{ run }, (one) => one.run === run],
    [{ vm: 'vm 2' }, (one) => one.vm.uuid === 'vm 2'],
    [{ job: 'a', state: ['failed'] }, (one) => one.job === 'a' && one.state === 'failed'],
    [{ state: ['failed', 'queued'] }, (one) => one.state === 'failed' || one.state === 'queued'],
  ]
  for (const [filter, wanted] of filters) {
    for (const limit of [7, 500]) {
      const listed = await pages((after) => listVmRuns(store.db, { ...filter, limit, ...(after === undefined ? {} : { after }) }))
      assert.deepEqual(listed, vmRuns.filter(wanted), JSON.stringify({ filter, limit }))
    }
  }
  await store.close()
})

test('a page stays where it is while new runs come', async () => {
  const store = await openStore({ memory: true })
  const { runs } = await stored(store)
  const first = await listRuns(store.db, { limit: 10 })
  await store.transaction((db) => insertRun(db, sampleRun({ queuedAt: minute(1_000) })))
  const second = await listRuns(store.db, { limit: 10, after: first.next as string })
  assert.deepEqual(second.items, runs.slice(10, 20))
  await store.close()
})

test('a place in a list that was not handed out is refused', async () => {
  const store = await openStore({ memory: true })
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const after of [
    '',
    'x',
    encoded([1]),
    encoded(['1', 'a']),
    encoded({}),
    encoded([1.5, 'a']),
    encoded([1, 'a', 'b']),
    `${encoded([1, 'a'])}=`,
  ]) {
    await assert.rejects(listRuns(store.db, { after }), (error: Failure) => error.code === 'CURSOR_INVALID', after)
  }
  await listRuns(store.db, { after: encoded([1, 'a']) })
  await store.close()
})

test('G3: what a server left unfinished is interrupted, at every later start nothing more', async () => {
  const store = await openStore({ memory: true })
  const run = sampleRun({ state: 'running', startedAt: minute(11) })
  const done = sampleRun({ state: 'success', startedAt: minute(11), endedAt: minute(12) })
  const [running, waiting] = [sampleVmRun(run, { state: 'running', stage: 'transfer' }), sampleVmRun(run, { state: 'waiting' })]
  const succeeded = sampleVmRun(run, { state: 'success', endedAt: minute(12) })
  await store.transaction((db) => insertRun(db, run, [running, waiting, succeeded]))
  await store.transaction((db) => insertRun(db, done))
  const marked = await store.transaction((db) => markInterrupted(db, minute(30)))
  assert.deepEqual(marked.runs, [run.id])
  assert.deepEqual([...marked.vmRuns].sort(), [running.id, waiting.id].sort())
  assert.deepEqual(await findRun(store.db, run.id), { ...run, state: 'interrupted', endedAt: minute(30) })
  assert.deepEqual(await findVmRun(store.db, running.id), { ...running, state: 'interrupted', endedAt: minute(30) })
  assert.deepEqual(await findVmRun(store.db, succeeded.id), succeeded)
  assert.deepEqual(await findRun(store.db, done.id), done)
  assert.deepEqual(await store.transaction((db) => markInterrupted(db, minute(40))), { runs: [], vmRuns: [] })
  await store.close()
})

test('old runs go with all that belongs to them, a few at a time; what still runs stays', async () => {
  const store = await openStore({ memory: true })
  for (let nth = 0; nth < 12; nth++) {
    const run = sampleRun({ queuedAt: minute(nth), state: 'success', endedAt: nth === 3 ? null : minute(nth + 1) })
    const vmRun = sampleVmRun(run)
    await store.transaction((db) => insertRun(db, run, [vmRun]))
    await insertLogLines(store.db, [{ vmRun: vmRun.id, line: { at: minute(nth), level: 'info', text: 'line' } }])
  }
  assert.equal(await pruneRuns(store.db, minute(10), 5), 5)
  assert.equal(await pruneRuns(store.db, minute(10), 5), 3)
  assert.equal(await pruneRuns(store.db, minute(10), 5), 0)
  assert.deepEqual(
    (await listRuns(store.db, {})).items.map((run) => run.queuedAt).sort(),
    [minute(3), minute(9 + 1), minute(11), minute(9)].sort(),
  )
  const count = async (table: 'vm_runs' | 'vm_run_logs') =>
    (
      await store.db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .executeTakeFirst()
    )?.n
  assert.deepEqual([await count('vm_runs'), await count('vm_run_logs')], [4, 4])
  await store.close()
})

test('plans, reports and logs of old successes can go before the rest', async () => {
  const store = await openStore({ memory: true })
  const report = { status: 'success' } as RunReport
  const made = async (state: VmRunState, at: number) => {
    const run = sampleRun({ queuedAt: minute(at) })
    const vmRun = sampleVmRun(run, { state, endedAt: minute(at + 1) })
    await store.transaction((db) => insertRun(db, run, [vmRun]))
    await updateVmRun(store.db, vmRun, { report })
    await insertLogLines(store.db, [{ vmRun: vmRun.id, line: { at: minute(at), level: 'info', text: 'line' } }])
    return vmRun
  }
  const [old, failed, fresh] = [await made('success', 0), await made('failed', 0), await made('success', 100)]
  assert.equal(await pruneDetails(store.db, minute(50)), 1)
  assert.equal(await pruneDetails(store.db, minute(50)), 0)
  assert.deepEqual(await findVmRunDetail(store.db, old.id), { ...old, plan: null, report: null, log: [] })
  for (const kept of [failed, fresh]) {
    const detail = await findVmRunDetail(store.db, kept.id)
    assert.deepEqual([detail?.report, detail?.log.length], [report, 1])
  }
  await store.close()
})
