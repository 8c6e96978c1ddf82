/** The first copy by way of a seed, on the page of its job. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

let server: PageServer
let browser: TestBrowser
let page: Page

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  const pools = await registerPools(server)
  for (const name of ['web', 'database']) {
    const job = await createJob(server, pools, `${name} to oslo`, name)
    await server.plane.jobs.update(job.id, { enabled: false })
  }
  page = await browser.open(server.url)
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

const step = (name: string) => page.getByRole('region', { name })

test('export, import, and the first run is a delta', needs('chromium'), async () => {
  await page.goto(`${server.url}/jobs`)
  await page.getByRole('link', { name: 'web to oslo', exact: true }).click()
  await page.getByRole('tab', { name: 'Seed' }).click()
  await step('4. The first delta').getByText('Not linked yet').waitFor()
  await assertAccessible(page, 'seed by folder')
  await step('1. Export').getByRole('button', { name: 'Export' }).click()
  await step('1. Export').getByText('done', { exact: true }).waitFor()
  await step('2. Carry it').getByRole('cell', { name: 'complete', exact: true }).waitFor()
  await step('3. Import').getByRole('button', { name: 'Import' }).click()
  await step('3. Import').getByText('done', { exact: true }).waitFor()
  await step('4. The first delta').getByText('Linked: the next run is a delta').waitFor()
  await assertAccessible(page, 'seed that is linked')
  await step('4. The first delta').getByRole('button', { name: 'Run now' }).click()
  await page.getByRole('region', { name: 'web' }).getByText('succeeded').waitFor()
  const [run] = (await server.plane.runs.list({ limit: 1 })).items
  assert.equal(run?.totals.fulls, 0)
})

test('a snapshot is taken for a copy by hand; what can not be linked is refused with its reason', needs('chromium'), async () => {
  await page.goto(`${server.url}/jobs`)
  await page.getByRole('link', { name: 'database to oslo', exact: true }).click()
  await page.getByRole('tab', { name: 'Seed' }).click()
  await page.getByText('Copy made by hand', { exact: true }).click()
  await step('1. Snapshot').getByRole('button', { name: 'Take a snapshot' }).click()
  await step('1. Snapshot').getByText('done', { exact: true }).waitFor()
  await page.getByRole('combobox', { name: 'Snapshot to copy' }).click()
  await page.getByRole('option').first().click()
  await step('2. Copy it to the target')
    .getByText(/^xe snapshot-export-to-template snapshot-uuid=[0-9a-f-]{36}/)
    .waitFor()
  await page.getByRole('combobox', { name: 'uuid of the copy' }).fill('00000000-0000-4000-8000-000000000000')
  await step('3. Check and link').getByRole('alert').first().waitFor()
  assert.ok(await step('3. Check and link').getByRole('button', { name: 'Compare and link' }).isDisabled())
  await assertAccessible(page, 'seed by hand')
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
