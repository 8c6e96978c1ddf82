/** Two seconds have to be enough: the first line of the overview is never better than the worst that is known. The API's answers are made up here. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { PoolStatus } from '../../src/core/control/pool-record.ts'
import type { Protection } from '../../src/core/control/protection.ts'
import type { Alert } from '../../src/jobs/control-plane.ts'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import { fakeProtection, paged } from '../support/fake-control-plane.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

let server: PageServer
let browser: TestBrowser
let page: Page
let pools: readonly PoolStatus[]

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  await createJob(server, await registerPools(server), 'nightly', 'web')
  pools = await server.plane.pools.list()
  page = await browser.open(server.url)
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

const ALERT: Alert = {
  id: 'alert-1',
  kind: 'original-not-fenced',
  subject: 'crm runs on pool paris, and so does what took over from it',
  text: 'two VMs with one identity run since 2026-11-23T14:37:35.000Z',
  hint: 'shut one of them down',
  openedAt: '2026-11-23T14:37:35.000Z',
  closedAt: null,
  job: null,
  vm: null,
  pool: null,
}

/** The overview of a server that answers with these. */
async function show(seen: { protections: readonly Protection[]; pools?: readonly PoolStatus[]; alerts?: readonly Alert[] }) {
  await page.unrouteAll({ behavior: 'wait' })
  const answers: Record<string, readonly unknown[]> = {
    protections: seen.protections,
    pools: seen.pools ?? pools,
    alerts: seen.alerts ?? [],
  }
  for (const [path, items] of Object.entries(answers))
    await page.route(new RegExp(`/api/v1/${path}(\\?|$)`), (route) => route.fulfill({ json: paged(items, { limit: 10_000 }) }))
  await page.goto(server.url)
  const verdict = page.getByRole('region', { name: 'Protection' })
  await verdict.waitFor()
  return { verdict, attention: page.getByRole('region', { name: 'Needs attention' }) }
}

const many = (count: number): readonly Protection[] => Array.from({ length: count }, (_, nth) => fakeProtection('protected', `vm-${nth}`))

test('everything protected: one green line, nothing else asks for attention', needs('chromium'), async () => {
  const { verdict, attention } = await show({ protections: many(1200) })
  await verdict.getByText('All 1,200 VMs of your jobs are protected').waitFor()
  assert.equal(await verdict.getAttribute('data-look'), 'good')
  await attention.getByText('Nothing needs attention.').waitFor()
})

test('one missed RPO is the first line, and the row that says why', needs('chromium'), async () => {
  const lastError = { code: 'SR_FULL', message: 'SR "dr" is full', hint: 'free space on it' } as const
  const { verdict, attention } = await show({ protections: [...many(3), { ...fakeProtection('missed', 'erp-db'), lastError }] })
  await verdict.getByText('1 of 4 VMs is not protected as asked').waitFor()
  assert.equal(await verdict.getAttribute('data-look'), 'bad')
  const row = attention.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'erp-db' }) })
  await row.getByText('SR "dr" is full. Free space on it.').waitFor()
  await row.getByRole('button', { name: 'Run now' }).waitFor()
})

test('a VM that has failed over is not called protected: it says so, and leads to its replica', needs('chromium'), async () => {
  const { verdict, attention } = await show({ protections: [...many(3), fakeProtection('failed-over', 'crm')] })
  await verdict.getByText('1 of 4 VMs has failed over, and runs unprotected').waitFor()
  assert.equal(await verdict.getAttribute('data-look'), 'warn')
  await attention.getByText(/protected in the other direction, or failed back/).waitFor()
  await attention.getByRole('link', { name: 'Open the replica of crm' }).click()
  await page.getByRole('heading', { name: 'Replica of crm', level: 1 }).waitFor()
})

test('a pool that is away is in the first lines, also while every restore point is still young enough', needs('chromium'), async () => {
  const [first, second] = pools as readonly [PoolStatus, PoolStatus]
  const error = { code: 'POOL_UNREACHABLE', message: 'it does not answer', hint: 'look at its network' } as const
  const { verdict, attention } = await show({ protections: many(4), pools: [first, { ...second, state: 'away', error }] })
  await verdict.getByText(`pool ${second.name} is away: nothing is copied from or to it`).waitFor()
  assert.equal(await verdict.getAttribute('data-look'), 'warn')
  await attention.getByText('It does not answer. Look at its network.').waitFor()
})

test('any other alert is told of too, with its time as the user’s clock has it', needs('chromium'), async () => {
  const { verdict, attention } = await show({ protections: many(4), alerts: [ALERT] })
  await verdict.getByText('1 more alert below').waitFor()
  assert.equal(await verdict.getAttribute('data-look'), 'warn')
  await attention.getByText('Two VMs with one identity run since 23 Nov 2026, 15:37:35. Shut one of them down.').waitFor()
  await assertAccessible(page, 'an alert')
})

test('what is too much for the overview is one click away: all that need attention, and nothing else', needs('chromium'), async () => {
  const missed = Array.from({ length: 20 }, (_, nth) => fakeProtection('missed', `late-${nth}`))
  const { attention } = await show({ protections: [...many(5), ...missed] })
  await attention.getByRole('link', { name: '12 more' }).click()
  await page.getByRole('heading', { name: 'Replicas', level: 1 }).waitFor()
  await page.getByRole('link', { name: 'late-19' }).waitFor()
  assert.equal(await page.getByRole('link', { name: /^vm-/ }).count(), 0)
})

test('a VM in no job is protected by one click: the form begins with it', needs('chromium'), async () => {
  await page.unrouteAll({ behavior: 'wait' })
  await page.goto(`${server.url}/replicas?state=unprotected`)
  await page.getByRole('link', { name: 'Protect database' }).click()
  await page.getByRole('heading', { name: 'New job', level: 1 }).waitFor()
  const database = page.getByRole('checkbox', { name: 'Protect database' })
  await database.waitFor()
  assert.ok(await database.isChecked())
  browser.assertClean()
})
