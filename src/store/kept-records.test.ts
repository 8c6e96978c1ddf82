import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minute, sampleProtection } from '../../test/support/control-samples.ts'
import type { AuditEntry } from '../core/control/audit.ts'
import { DEFAULT_SERVER_SETTINGS } from '../core/control/settings.ts'
import { insertAudit } from './audit/insert-audit.ts'
import { listAudit } from './audit/list-audit.ts'
import { pruneAudit } from './audit/prune-audit.ts'
import { openStore } from './open-store.ts'
import { deleteProtection, deleteProtectionsOfJob } from './protections/delete-protections.ts'
import { listProtections } from './protections/list-protections.ts'
import { putProtection } from './protections/put-protection.ts'
import { changeSettings } from './settings/change-settings.ts'
import { readSettings } from './settings/read-settings.ts'
import { endUnfinishedVerifications, lastVerifications, pruneVerifications, putVerification } from './verifications/verifications.ts'

test('what a chain achieved is kept once a job, VM and target, in place of what was before', async () => {
  const store = await openStore({ memory: true })
  const first = sampleProtection({ point: null, lastRun: null, replica: null, state: 'pending' })
  const then = sampleProtection({ lastError: { code: 'POOL_BROKEN', message: 'gone', hint: '' } })
  const elsewhere = sampleProtection({ target: { pool: 'rome', sr: 'sr' } })
  const otherJob = sampleProtection({ job: 'other' })
  await putProtection(store.db, first)
  assert.deepEqual(await listProtections(store.db), [first])
  for (const one of [then, elsewhere, otherJob]) await putProtection(store.db, one)
  assert.deepEqual(await listProtections(store.db), [then, elsewhere, otherJob])
  await deleteProtection(store.db, elsewhere)
  assert.deepEqual(await listProtections(store.db, 'job'), [then])
  await deleteProtectionsOfJob(store.db, 'job')
  assert.deepEqual(await listProtections(store.db), [otherJob])
  await store.close()
})

test('settings that were never changed are the defaults; others are as they were set', async () => {
  const store = await openStore({ memory: true })
  assert.deepEqual(await readSettings(store.db), DEFAULT_SERVER_SETTINGS)
  const maintenance = [{ id: 'm', name: 'move', job: null, pool: 'paris', from: minute(0), until: minute(60) }]
  await store.transaction((db) => changeSettings(db, { vmRunsAtOnce: 20, dailyReportAt: '07:30', maintenance }))
  await store.transaction((db) => changeSettings(db, { dailyReportAt: null }))
  // Of a version that knew something else.
  await store.db.insertInto('settings').values({ key: 'of another version', value: '"x"' }).execute()
  assert.deepEqual(await readSettings(store.db), { ...DEFAULT_SERVER_SETTINGS, vmRunsAtOnce: 20, dailyReportAt: null, maintenance })
  await store.close()
})

test('verifications go by age; one that has not ended stays, and what is left is found by its restore point', async () => {
  const store = await openStore({ memory: true })
  const one = (id: string, startedAt: number, ended: boolean) => ({
    id,
    targetPool: 'rome',
    restorePoint: `point ${id}`,
    mode: 'full',
    startedAt,
    endedAt: ended ? startedAt + 5 : null,
    equal: ended ? true : null,
    error: null,
    report: null,
  })
  for (const each of [one('old', 100, true), one('under way', 100, false), one('new', 200, true)]) await putVerification(store.db, each)
  assert.equal(await pruneVerifications(store.db, 200), 1)
  assert.deepEqual([...(await lastVerifications(store.db, 'rome')).keys()], ['point new'])
  await endUnfinishedVerifications(store.db, 300)
  assert.equal(await pruneVerifications(store.db, 200), 1)
  await store.close()
})

test('the audit log is listed newest first, narrowed by who, what and when, and pruned by age', async () => {
  const store = await openStore({ memory: true })
  const entries: Omit<AuditEntry, 'id'>[] = Array.from({ length: 30 }, (_, nth) => ({
    // A clock that is set back does not change what came after what.
    at: minute(nth === 20 ? 0 : nth),
    actor: { kind: nth % 2 === 0 ? ('user' as const) : ('token' as const), id: `actor ${nth % 2}`, name: 'somebody' },
    address: '127.0.0.1',
    action: nth % 3 === 0 ? 'job.create' : 'login',
    object: { kind: 'job', id: `job ${nth % 5}` },
    outcome: 'done',
    details: { nth },
  }))
  for (const entry of entries) await insertAudit(store.db, entry)
  const nths = async (filter: Parameters<typeof listAudit>[1]) => {
    const found: unknown[] = []
    for (let after: string | undefined; ; ) {
      const page = await listAudit(store.db, { ...filter, limit: 7, ...(after === undefined ? {} : { after }) })
      found.push(...page.items.map((entry) => entry.details.nth))
      if (page.next === null) return found
      after = page.next
    }
  }
  const all = entries.map((_, nth) => nth).reverse()
  assert.deepEqual(await nths({}), all)
  assert.deepEqual(
    await nths({ actor: 'actor 1', action: 'job.create' }),
    all.filter((nth) => nth % 2 === 1 && nth % 3 === 0),
  )
  assert.deepEqual(
    await nths({ object: 'job 4' }),
    all.filter((nth) => nth % 5 === 4),
  )
  assert.deepEqual(await nths({ since: minute(25), until: minute(28) }), [27, 26, 25])
  const [{ id: _, ...newest } = {}] = (await listAudit(store.db, { limit: 1 })).items
  assert.deepEqual(newest, entries.at(-1))
  assert.equal(await pruneAudit(store.db, minute(10), 4), 4)
  assert.equal(await pruneAudit(store.db, minute(10)), 7)
  assert.deepEqual((await nths({})).length, 19)
  await store.close()
})
