/** From an empty server to protected VMs and back, without a pool of one's own. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import { signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

let server: PageServer
let browser: TestBrowser
let page: Page

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer({ tryLab: true })
  browser = await startBrowser()
  page = await browser.open(server.url)
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

test('an empty server tries with its lab: two pools and a job that runs; guests write, a delta follows', needs('chromium'), async () => {
  await page.getByRole('heading', { name: 'From empty to protected' }).waitFor()
  await assertAccessible(page, 'empty server')
  await page.getByRole('button', { name: 'Try with the lab' }).click()
  await page.getByRole('heading', { name: 'The lab runs on this server' }).waitFor()
  await page.getByText(/^All \d+ VMs of your jobs are protected$|^The VM of your jobs is protected$/).waitFor()
  await assertAccessible(page, 'overview with the lab')
  await page.getByRole('button', { name: 'Let guests write' }).click()
  await page.getByText(/^Guests have written/).waitFor()
  await page.getByRole('region', { name: 'The lab runs on this server' }).getByRole('button', { name: 'Run now' }).click()
  await page.getByRole('heading', { name: 'Run of Lab: paris to oslo' }).waitFor()
  await page.getByText('succeeded').first().waitFor()
  const [run] = (await server.plane.runs.list({ limit: 1 })).items
  assert.equal(run?.totals.fulls, 0)
  assert.ok((run?.totals.bytesSent ?? 0) > 0)
})

test('it is removed with its jobs, its pools and what it stored, unless a job of other pools needs it', needs('chromium'), async () => {
  const [pool] = await server.plane.pools.list()
  const mine = server.lab.pools[1]
  assert.ok(pool && mine)
  const other = await server.plane.pools.add({
    name: 'mine',
    url: mine.url,
    user: mine.user,
    password: mine.password,
    fingerprint: mine.fingerprint,
  })
  const job = await server.plane.jobs.create({
    name: 'mixed',
    enabled: false,
    selection: { include: [{ kind: 'pool', pool: pool.id }], exclude: [] },
    targets: [{ pool: other.id, sr: mine.srs[0]?.uuid as string }],
    settings: {},
  })
  await page.goto(server.url)
  await page.getByRole('button', { name: 'Remove the lab' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove the lab' }).click()
  await page.getByRole('dialog').getByText('LAB_IN_USE').waitFor()
  assert.equal((await server.plane.jobs.list()).length, 2)
  await server.plane.jobs.remove(job.id)
  await page.getByRole('dialog').getByRole('button', { name: 'Remove the lab' }).click()
  await page.getByRole('heading', { name: 'The lab runs on this server' }).waitFor({ state: 'detached' })
  await page.getByRole('heading', { name: 'From empty to protected' }).waitFor()
  assert.deepEqual([(await server.plane.jobs.list()).length, (await server.plane.pools.list()).map(({ name }) => name)], [0, ['mine']])
  assert.ok(!existsSync(`${server.folder}/lab`))
})

test('G9: the policy of the page was kept', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
