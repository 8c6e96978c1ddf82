/** Lists have to be as quick with years of runs as with a day's: SQLite tells how it will go about each. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type CompiledQuery, sql } from 'kysely'
import { minute } from '../../../test/support/control-samples.ts'
import type { RunFilter, VmRunFilter } from '../../core/control/page.ts'
import { openStore, type Store } from '../open-store.ts'
import { runIdsOfVm, runsQuery } from './list-runs.ts'
import { vmRunsQuery } from './list-vm-runs.ts'

let store: Store
before(async () => {
  store = await openStore({ memory: true })
})
after(() => store.close())

async function planOf({ sql: text, parameters }: CompiledQuery): Promise<string> {
  const words = text.split('?')
  const query = words.slice(1).reduce((sofar, word, index) => sql`${sofar}${parameters[index]}${sql.raw(word)}`, sql.raw(words[0] ?? ''))
  const { rows } = await sql<{ detail: string }>`explain query plan ${query}`.execute(store.db)
  return rows.map((row) => row.detail).join('; ')
}

/** By an index, in its order: nothing is sorted, no table is read through. */
async function isQuick(query: CompiledQuery, index: RegExp): Promise<void> {
  const plan = await planOf(query)
  assert.match(plan, index)
  assert.doesNotMatch(plan, /USE TEMP B-TREE|SCAN (runs|vm_runs)(?! USING)/, plan)
}

const AFTER = Buffer.from(JSON.stringify([Date.parse(minute(5)), 'id'])).toString('base64url')

for (const after of [{}, { after: AFTER }]) {
  const where = 'after' in after ? ', a later page' : ''
  const runs: [string, RunFilter, RunFilter['state'], RegExp][] = [
    ['all', {}, undefined, /runs_by_queued_at_id/],
    ['a job', { job: 'a' }, undefined, /runs_by_job_id_queued_at_id/],
    ['a job and states', { job: 'a', state: ['failed', 'partial'] }, ['failed', 'partial'], /runs_by_job_id_queued_at_id/],
    ['a state', {}, ['failed'], /runs_by_state_queued_at_id/],
    ['a time', { since: minute(1), until: minute(9) }, undefined, /runs_by_queued_at_id/],
  ]
  for (const [what, filter, states, index] of runs) {
    test(`runs of ${what}${where} are read in the order of an index`, async () => {
      await isQuick(runsQuery(store.db, { ...filter, ...after }, states, 101).compile(), index)
    })
  }
  test(`runs of a VM${where} are read in the order of an index`, async () => {
    for (const filter of [{}, { job: 'a' }, { state: ['failed'] }, { since: minute(2) }] as RunFilter[]) {
      await isQuick(runIdsOfVm(store.db, 'vm', { ...filter, ...after }, 101).compile(), /vm_runs_by_vm_uuid_run_queued_at_run_id/)
    }
  })
  const vmRuns: [string, VmRunFilter, VmRunFilter['state'], RegExp][] = [
    ['all', {}, undefined, /vm_runs_by_queued_at_id/],
    ['a run', { run: 'a' }, undefined, /vm_runs_by_run_id_queued_at_id/],
    ['a VM', { vm: 'a' }, undefined, /vm_runs_by_vm_uuid_queued_at_id/],
    ['a job', { job: 'a' }, undefined, /vm_runs_by_job_id_queued_at_id/],
    ['a state', {}, ['failed'], /vm_runs_by_state_queued_at_id/],
  ]
  for (const [what, filter, states, index] of vmRuns) {
    test(`VM runs of ${what}${where} are read in the order of an index`, async () => {
      await isQuick(vmRunsQuery(store.db, { ...filter, ...after }, states, 101).compile(), index)
    })
  }
}
