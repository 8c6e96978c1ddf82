/** What is set once: limits, maintenance, who is told, who may what. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'
import { webhookReceiver } from '../support/webhook-receiver.ts'

let server: PageServer
let browser: TestBrowser
let page: Page

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  const pools = await registerPools(server)
  await createJob(server, pools, 'nightly', 'web')
  page = await browser.open(server.url)
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

test('notifications are tested, a token is shown once, and a viewer is offered nothing to change', needs('chromium'), async () => {
  const hook = await webhookReceiver()
  try {
    await page.goto(`${server.url}/settings/notifications`)
    await page.getByRole('button', { name: 'Add webhook' }).click()
    await page.getByRole('textbox', { name: 'Address (https://…)' }).fill(hook.url)
    await assertAccessible(page, 'webhook')
    await page.getByRole('button', { name: 'Save' }).last().click()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await hook.next(({ body }) => body.includes('test'))
  } finally {
    await hook.close()
  }
  await page.goto(`${server.url}/settings/tokens`)
  await page.getByRole('button', { name: 'New token' }).click()
  await page.getByRole('textbox', { name: 'What it is for' }).fill('backup script')
  await page.getByRole('dialog').getByRole('button', { name: 'New token' }).click()
  await page.getByText('This is the only time that the token is shown.', { exact: false }).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('cell', { name: 'backup script' }).waitFor()
  await page.goto(`${server.url}/settings/users`)
  await page.getByRole('button', { name: 'Add user' }).click()
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('eve')
  await page.getByRole('dialog').getByRole('textbox', { name: 'Password' }).fill('only-looks-at-things-7')
  await page.getByRole('dialog').getByRole('button', { name: 'Add user' }).click()
  await page.getByRole('cell', { name: 'eve', exact: true }).waitFor()
  const viewer = await browser.open(server.url)
  await signIn(viewer, { name: 'eve', password: 'only-looks-at-things-7' })
  await viewer.getByRole('link', { name: 'Jobs', exact: true }).click()
  await viewer.getByRole('link', { name: 'nightly', exact: true }).waitFor()
  assert.equal(await viewer.getByRole('button', { name: /New job|Actions for/ }).count(), 0)
  await viewer.context().close()
})

test('limits of the server are changed, and what they may be is said', needs('chromium'), async () => {
  await page.goto(`${server.url}/settings/limits`)
  const save = page.getByRole('button', { name: 'Save' })
  assert.ok(await save.isDisabled(), 'nothing is changed yet')
  await page.getByRole('textbox', { name: 'For each pool' }).fill('7')
  await save.click()
  await page.getByText('Saved').waitFor()
  assert.equal((await server.plane.settings.get()).vmRunsPerPool, 7)
})

test('a maintenance window is made, holds up a run with its reason, is changed and removed', needs('chromium'), async () => {
  await page.goto(`${server.url}/settings/maintenance`)
  await page.getByRole('button', { name: 'Add window' }).click()
  const form = page.getByRole('dialog')
  await form.getByRole('textbox', { name: 'Name' }).fill('new switch')
  await form.getByLabel('Until').fill('2020-01-01T00:00')
  await form.getByText('has to be after the begin').waitFor()
  await form.getByLabel('Until').fill('2099-01-01T00:00')
  await assertAccessible(page, 'window')
  await form.getByRole('button', { name: 'Save' }).click()
  await page.getByText(/^now, ends in/).waitFor()
  await page.goto(`${server.url}/jobs`)
  await page.getByRole('button', { name: 'Actions for nightly' }).click()
  await page.getByRole('menuitem', { name: 'Run now' }).click()
  await page.getByText('IN_MAINTENANCE', { exact: false }).waitFor()
  await page.goto(`${server.url}/settings/maintenance`)
  await page.getByRole('button', { name: 'Edit window new switch' }).click()
  await form.getByRole('combobox', { name: 'Job' }).click()
  await page.getByRole('option', { name: 'nightly' }).click()
  await form.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('cell', { name: 'job nightly' }).waitFor()
  await page.getByRole('button', { name: 'Remove window new switch' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByText('No maintenance is planned.', { exact: false }).waitFor()
  assert.deepEqual((await server.plane.settings.get()).maintenance, [])
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
