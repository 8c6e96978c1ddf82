import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minute, sampleJob, sampleSchedule } from '../../../test/support/control-samples.ts'
import { openStore } from '../open-store.ts'
import { deleteJob } from './delete-job.ts'
import { findJob } from './find-job.ts'
import { insertJob } from './insert-job.ts'
import { listLastTicks, setLastTick } from './last-ticks.ts'
import { listJobs } from './list-jobs.ts'
import { replaceJob } from './replace-job.ts'

test('a job comes back as it was stored, its schedules in their order', async () => {
  const store = await openStore({ memory: true })
  const [one, two] = [sampleJob({ name: 'b', enabled: false }), sampleJob({ name: 'a', schedules: [] })]
  await store.transaction((db) => insertJob(db, one))
  await store.transaction((db) => insertJob(db, two))
  assert.deepEqual(await findJob(store.db, one.id), one)
  assert.deepEqual(await listJobs(store.db), [two, one])
  assert.equal(await findJob(store.db, 'another'), undefined)
  await assert.rejects(store.transaction((db) => insertJob(db, { ...one, name: 'the same id' })))
  assert.deepEqual(await findJob(store.db, one.id), one)
  await store.close()
})

test('a change is made of the version that was read: of two at once the slower one is told, and changes nothing', async () => {
  const store = await openStore({ memory: true })
  const job = sampleJob()
  await store.transaction((db) => insertJob(db, job))
  const results = await Promise.all(
    ['mine', 'yours'].map((name) => store.transaction((db) => replaceJob(db, { ...job, name, schedules: [] }, minute(5)))),
  )
  assert.deepEqual(results, [{ kind: 'replaced', version: 2 }, { kind: 'changed' }])
  assert.deepEqual(await findJob(store.db, job.id), { ...job, name: 'mine', schedules: [], updatedAt: minute(5), version: 2 })
  assert.deepEqual(await store.transaction((db) => replaceJob(db, sampleJob(), minute(5))), { kind: 'gone' })
  await store.close()
})

test('schedules that stay keep their ids and their last tick; others come and go', async () => {
  const store = await openStore({ memory: true })
  const job = sampleJob()
  const [first, second] = job.schedules
  assert.ok(first && second)
  await store.transaction((db) => insertJob(db, job))
  await setLastTick(store.db, second.id, minute(20))
  const added = sampleSchedule({ name: 'new', enabled: false })
  const schedules = [added, { ...second, name: 'renamed' }]
  await store.transaction((db) => replaceJob(db, { ...job, schedules }, minute(30)))
  assert.deepEqual((await findJob(store.db, job.id))?.schedules, schedules)
  assert.deepEqual(
    await listLastTicks(store.db),
    new Map([
      [added.id, null],
      [second.id, minute(20)],
    ]),
  )
  await store.close()
})

test('the schedule of another job is not taken over', async () => {
  const store = await openStore({ memory: true })
  const [one, other] = [sampleJob(), sampleJob()]
  await store.transaction((db) => insertJob(db, one))
  await store.transaction((db) => insertJob(db, other))
  await assert.rejects(store.transaction((db) => replaceJob(db, { ...one, schedules: [...other.schedules] }, minute(1))))
  assert.deepEqual(
    await listJobs(store.db),
    [one, other].sort((a, b) => (a.id < b.id ? -1 : 1)),
  )
  await store.close()
})

test('with a job its schedules go', async () => {
  const store = await openStore({ memory: true })
  const job = sampleJob()
  await store.transaction((db) => insertJob(db, job))
  assert.equal(await deleteJob(store.db, job.id), true)
  assert.equal(await deleteJob(store.db, job.id), false)
  assert.equal((await listLastTicks(store.db)).size, 0)
  await store.close()
})
