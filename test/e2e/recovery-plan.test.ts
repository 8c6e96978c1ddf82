/** A recovery plan is made, checked, run as a test, and tells what came of it. */
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
  page = await browser.open(server.url)
  await signIn(page)
  for (const name of ['web', 'database']) {
    const job = await createJob(server, pools, `${name} to oslo`, name)
    const run = await server.plane.runs.start({ job: job.id }, { kind: 'system', id: '', name: 'test' })
    await page.goto(`${server.url}/runs/${run.id}`)
    await page.getByRole('region', { name }).getByText('succeeded').waitFor()
  }
})
after(async () => {
  await browser?.close()
  await server?.close()
})

const group = (nth: number) => page.getByRole('region', { name: new RegExp(`^Group ${nth}:`) })

async function addVm(nth: number, name: string): Promise<void> {
  await group(nth)
    .getByRole('combobox', { name: /^Add a VM/ })
    .click()
  await page.getByRole('option', { name: new RegExp(`^${name} `) }).click()
  await group(nth).getByText(name, { exact: true }).waitFor()
}

test('a plan is put together of groups, moved about by keyboard, checked while it is made, and stored', needs('chromium'), async () => {
  await page.goto(`${server.url}/plans`)
  await page.getByRole('link', { name: 'New plan' }).click()
  await page.getByRole('textbox', { name: 'Name of the plan' }).fill('main site')
  await addVm(1, 'web')
  await addVm(1, 'database')
  await page.getByRole('button', { name: 'Add group' }).click()
  await group(2).getByRole('textbox', { name: 'Group 2' }).fill('front')
  await page.getByText('Still to do: put a VM into each group.').waitFor()
  await page.getByRole('button', { name: 'web into the group behind' }).focus()
  await page.keyboard.press('Enter')
  await group(2).getByText('web', { exact: true }).waitFor()
  await group(2).getByRole('textbox', { name: 'Wait before it (s)' }).fill('1')
  await page.getByText('It could be run now: 2 VMs have a restore point').waitFor()
  await assertAccessible(page, 'plan editor')
  await page.getByRole('button', { name: 'Create plan' }).click()
  await page.getByRole('heading', { name: 'main site', level: 1, exact: true }).waitFor()
  const [plan] = await server.plane.plans.list()
  assert.deepEqual(
    plan?.groups.map(({ name, delaySeconds, vms }) => [name, delaySeconds, vms.length]),
    [
      ['group 1', 0, 1],
      ['front', 1, 1],
    ],
  )
  await assertAccessible(page, 'plan')
})

test('it is run as a test, whose report says of each VM that it came up', needs('chromium'), async () => {
  await page.getByRole('button', { name: 'Run as test' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('region', { name: 'What would happen' }).waitFor()
  await assertAccessible(page, 'plan dialog')
  await dialog.getByRole('button', { name: 'Start the test' }).click()
  await page.getByText('All VMs of the plan came up').waitFor()
  const vms = page.getByRole('region', { name: 'VMs of the plan' })
  for (const name of ['web', 'database']) await vms.getByRole('cell', { name, exact: true }).waitFor()
  const result = (await server.plane.activities.list({ kind: ['plan'] })).items[0]?.result
  assert.deepEqual(result?.kind === 'plan' ? [result.up, result.failed, result.removed] : result, [2, 0, true])
  await assertAccessible(page, 'report of a plan')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Report' }).click()])
  assert.match(file.suggestedFilename(), /^understudy-plan-.*\.md$/)
})

test('running it for real asks for its name', needs('chromium'), async () => {
  await page.goto(`${server.url}/plans`)
  await page.getByRole('link', { name: 'main site', exact: true }).click()
  await page.getByRole('link', { name: 'Recovery plan: main site' }).waitFor()
  await page.getByRole('button', { name: 'Run for real…' }).click()
  await page.getByRole('menuitem', { name: /^Fail over now/ }).click()
  const dialog = page.getByRole('dialog')
  const go = dialog.getByRole('button', { name: 'Fail over now' })
  await dialog.getByRole('textbox', { name: 'To go on, type the name: main site' }).fill('main sit')
  assert.ok(await go.isDisabled())
  await dialog.getByRole('textbox', { name: 'To go on, type the name: main site' }).fill('main site')
  assert.ok(await go.isEnabled())
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
