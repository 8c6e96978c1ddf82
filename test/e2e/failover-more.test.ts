/** What comes up seldom, on the page: a clone with its memory, protection turned round, one that was broken off, tests that begin by themselves. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

const STEP_MS = 60_000
let server: PageServer
let browser: TestBrowser
let page: Page
let job = ''
let replica = ''

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  const made = await createJob(server, await registerPools(server), 'nightly', 'web')
  const [target] = made.targets
  const [vm] = made.selection.include
  assert.ok(target && vm?.kind === 'vm')
  job = made.id
  replica = `/replicas/${target.pool}/${target.sr}/${vm.vm}`
  page = await browser.open(server.url)
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

const target = () => server.lab.pools[1] as StartedPool
const vmsOf = async (pool: StartedPool) => ((await pool.get('/vms')) as { vms: { name: string; power_state: string }[] }).vms
const running = async (pool: StartedPool) =>
  (await vmsOf(pool)).filter(({ power_state }) => power_state === 'Running').map(({ name }) => name)
const stateOf = async (pool: StartedPool, name: string) => (await vmsOf(pool)).find((vm) => vm.name === name)?.power_state

async function runTheJob(): Promise<void> {
  await page.goto(`${server.url}/jobs/${job}`)
  await page.getByRole('button', { name: 'Run now', exact: true }).click()
  await page.waitForURL(/\/runs\//)
  await page.getByRole('region', { name: 'web' }).getByText('succeeded').waitFor({ timeout: STEP_MS })
}

async function openReplica(): Promise<void> {
  await page.goto(`${server.url}${replica}`)
  await page.getByRole('heading', { name: 'Replica of web', level: 1 }).waitFor()
}

/** With the dialog open and the preview seen. */
async function seen(): Promise<Locator> {
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('region', { name: 'What would happen' }).waitFor()
  return dialog
}

async function choose(action: RegExp): Promise<Locator> {
  await page.getByRole('button', { name: 'Fail over…' }).click()
  await page.getByRole('menuitem', { name: action }).click()
  return seen()
}

async function goOn(dialog: Locator, button: string): Promise<void> {
  const name = dialog.getByRole('textbox', { name: /^To go on, type the name/ })
  if ((await name.count()) > 0) await name.fill('web')
  await dialog.getByRole('button', { name: button }).click()
  await page.waitForURL(/\/activities\//)
}

test('a clone is made with its memory only where the restore point keeps one', needs('chromium'), async () => {
  await runTheJob()
  await openReplica()
  const withMemory = page.getByRole('dialog').getByRole('checkbox', { name: 'With its memory' })
  await page.getByRole('button', { name: 'Clone', exact: true }).click()
  await seen()
  assert.equal(await withMemory.count(), 0)
  await server.plane.jobs.update(job, { settings: { memory: true } })
  await runTheJob()
  await openReplica()
  await page.getByRole('button', { name: 'Clone', exact: true }).click()
  const dialog = await seen()
  await withMemory.check()
  await dialog.getByRole('textbox', { name: 'Name of the clone' }).fill('web goes on')
  await dialog.getByText('suspended with its memory', { exact: false }).waitFor()
  await assertAccessible(page, 'dialog of a clone with memory')
  await goOn(dialog, 'Make the clone')
  await page.getByText('The clone is there', { exact: true }).waitFor({ timeout: STEP_MS })
  assert.equal(await stateOf(target(), 'web goes on'), 'Suspended')
  await server.plane.jobs.update(job, { settings: {} })
})

test('tests that begin by themselves are asked for on the job, and their outcome is shown', needs('chromium'), async () => {
  await page.goto(`${server.url}/jobs/${job}/edit`)
  await page.getByRole('button', { name: 'Advanced' }).click()
  await page.getByRole('checkbox', { name: 'Test replicas by themselves' }).check()
  await page.getByRole('button', { name: 'Save changes' }).click()
  await page.waitForURL(new RegExp(`/jobs/${job}$`))
  assert.deepEqual((await server.plane.jobs.get(job)).settings.healthCheck?.every, { kind: 'day' })
  await runTheJob()
  await openReplica()
  await page.getByText('came up', { exact: true }).waitFor({ timeout: STEP_MS })
  await page.goto(`${server.url}/jobs/${job}?tab=settings`)
  await page.getByText('after the first run of a day; up means: tools').waitFor()
  await server.plane.jobs.update(job, { settings: {} })
})

test('what changes between the first answers and the beginning of the live stream is shown all the same', needs('chromium'), async () => {
  const opened = Promise.withResolvers<void>()
  await page.route('**/api/v1/events', async (route) => {
    await opened.promise
    await route.continue()
  })
  await openReplica()
  await page.getByRole('link', { name: 'nightly', exact: true }).waitFor()
  await server.plane.jobs.update(job, { name: 'every night' })
  opened.resolve()
  await page.getByRole('link', { name: 'every night', exact: true }).waitFor({ timeout: STEP_MS })
  await page.unroute('**/api/v1/events')
})

test('a failover that stopped in the middle is gone on with from its page', needs('chromium'), async () => {
  await openReplica()
  await target().post('/faults', { kind: 'error', match: { method: 'VM.start' }, code: 'HOST_NOT_ENOUGH_FREE_MEMORY', count: 1 })
  await page.getByRole('button', { name: 'Fail over…' }).click()
  await page.getByRole('menuitem', { name: /^Fail over now/ }).click()
  await page.getByRole('checkbox', { name: 'Even if the source runs' }).check()
  const dialog = await seen()
  await goOn(dialog, 'Fail over now')
  const broken = page.url()
  await page.getByRole('button', { name: 'Go on with it' }).waitFor({ timeout: STEP_MS })
  assert.deepEqual(await running(target()), [])
  await assertAccessible(page, 'failover that stopped')
  await page.getByRole('button', { name: 'Go on with it' }).click()
  await page.waitForURL((url) => url.href !== broken)
  await page.getByText('The replica has taken over', { exact: true }).waitFor({ timeout: STEP_MS })
  await page.getByText('goes on with one before', { exact: false }).waitFor()
  assert.equal((await running(target())).length, 1)
})

test('after a failover protection is turned round, to the pool of the original', needs('chromium'), async () => {
  await openReplica()
  const dialog = await choose(/^Protect in the other direction/)
  await assertAccessible(page, 'dialog that turns protection round')
  await goOn(dialog, 'Turn protection round')
  await page.getByText('Protection goes in the other direction', { exact: true }).waitFor({ timeout: STEP_MS })
  assert.equal((await running(target())).length, 1)
  await openReplica()
  await page.getByText('has taken over and is protected in the other direction', { exact: false }).waitFor()
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
