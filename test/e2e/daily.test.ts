/** What is done on the page of a server that is in use: each flow, and every page held against WCAG 2.2 AA, light and dark, wide and narrow. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
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
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

const rail = (name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click()
const heading = (name: string) => page.getByRole('heading', { name, level: 1 }).waitFor()
const jobNamed = async (name: string) => {
  const job = (await server.plane.jobs.list()).find((one) => one.name === name)
  assert.ok(job, name)
  return job
}

test('R13: the list of jobs has whole ids of jobs and schedules behind copy buttons', needs('chromium'), async () => {
  const job = await jobNamed('nightly')
  await rail('Jobs')
  await page.getByRole('button', { name: 'Copy the whole id of job nightly' }).click()
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), job.id)
  await page.getByRole('button', { name: 'Copy the whole id of schedule hourly' }).click()
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), job.schedules[0]?.id)
})

test('R14: a job is run by hand, disabled and enabled from the list', needs('chromium'), async () => {
  await rail('Jobs')
  const enabled = page.getByRole('switch', { name: 'nightly is enabled' })
  // The switch itself is hidden under its drawing.
  await enabled.locator('xpath=..').click()
  await page.getByText('off', { exact: true }).waitFor()
  assert.equal((await jobNamed('nightly')).enabled, false)
  await page.getByRole('button', { name: 'Actions for nightly' }).click()
  await page.getByRole('menuitem', { name: 'Run now' }).click()
  await heading('Run of nightly')
  await page.getByRole('region', { name: 'web' }).getByText('succeeded').waitFor()
  await rail('Jobs')
  await enabled.locator('xpath=..').click()
  await page.getByText('off', { exact: true }).waitFor({ state: 'detached' })
  assert.equal((await jobNamed('nightly')).enabled, true)
})

test(
  'a job is cloned, created disabled, changed, and deleted with what happens to its replicas said before',
  needs('chromium'),
  async () => {
    await rail('Jobs')
    await page.getByRole('button', { name: 'Actions for nightly' }).click()
    await page.getByRole('menuitem', { name: 'Clone' }).click()
    await heading('New job')
    await page.getByRole('textbox', { name: 'Name of the job' }).fill('copy')
    await page.getByRole('button', { name: 'Create disabled' }).click()
    await heading('copy')
    assert.equal((await jobNamed('copy')).enabled, false)
    await page.getByRole('button', { name: 'Actions for copy' }).click()
    await page.getByRole('menuitem', { name: 'Edit' }).click()
    await heading('Edit copy')
    await page.getByText('Cron', { exact: true }).click()
    await page.getByRole('textbox', { name: /^Cron expression/ }).fill('61 * * * *')
    await page.getByRole('alert').waitFor()
    await page.getByRole('textbox', { name: /^Cron expression/ }).fill('30 3 * * *')
    await page.getByRole('textbox', { name: 'Restore points to keep' }).fill('7')
    await page.getByRole('button', { name: 'Save changes' }).click()
    // Not "Edit copy", which is there until everything is stored.
    await page.getByRole('heading', { name: 'copy', level: 1, exact: true }).waitFor()
    const { schedules } = await jobNamed('copy')
    assert.deepEqual(
      schedules.map(({ timing, retention }) => [timing, retention.last]),
      [[{ kind: 'cron', expression: '30 3 * * *', timeZone: 'Europe/Berlin' }, 7]],
    )
    await page.getByRole('button', { name: 'Actions for copy' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByText('It has no replica.', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Delete the job' }).click()
    await heading('Jobs')
    assert.equal((await server.plane.jobs.list()).length, 1)
  },
)

test('a restore point is verified, and its proof appears beside it', needs('chromium'), async () => {
  await rail('Replicas')
  await page.getByRole('region', { name: 'Replicas' }).getByRole('link', { name: 'web' }).first().click()
  await heading('Replica of web')
  await page.getByRole('button', { name: 'Verify' }).first().click()
  await assertAccessible(page, 'verify')
  await page.getByRole('button', { name: 'Start verifying' }).click()
  await page.getByText(/^equal \(full\)/).waitFor()
})

test(
  'a pool that goes away is told at once, and the run that fails says why, what is untouched and what to do',
  needs('chromium'),
  async () => {
    const target = server.lab.pools[1] as StartedPool
    await rail('Overview')
    await target.stop()
    try {
      await page.getByRole('region', { name: 'Needs attention' }).getByText('away').waitFor()
      await rail('Jobs')
      await page.getByRole('link', { name: 'nightly', exact: true }).click()
      const job = await jobNamed('nightly')
      await server.plane.jobs.update(job.id, { settings: { retries: 0, waitMinutes: 0 } })
      await page.getByRole('button', { name: 'Run now' }).first().click()
      await heading('Run of nightly')
      const failed = page.getByRole('region', { name: 'web' })
      await failed.getByText('The last restore point is untouched.').waitFor()
      await failed.getByRole('link', { name: /What this code means/ }).waitFor()
      await assertAccessible(page, 'failed run')
      await rail('Overview')
      await page.getByRole('region', { name: 'Needs attention' }).getByRole('link', { name: 'web' }).waitFor()
    } finally {
      await target.start()
    }
    await page.getByText('away', { exact: true }).waitFor({ state: 'detached' })
  },
)

test('search finds by name and by uuid; / goes there', needs('chromium'), async () => {
  const job = await jobNamed('nightly')
  await rail('Overview')
  await heading('Overview')
  await page.keyboard.press('/')
  await page.keyboard.type(job.id)
  await page.getByRole('option', { name: 'nightly' }).click()
  await heading('nightly')
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

/** Every page by its address; those of `main` are what people look at most. */
async function places(): Promise<{ readonly all: readonly string[]; readonly main: readonly string[] }> {
  const job = await jobNamed('nightly')
  const [run] = (await server.plane.runs.list({})).items
  const [pool] = await server.plane.pools.list()
  const [target] = job.targets
  const [vm] = job.selection.include
  assert.ok(pool && target && vm?.kind === 'vm')
  const settings = [`pools/${pool.id}`, 'notifications', 'users', 'tokens', 'audit', 'appearance', 'about']
  const replica = `/replicas/${target.pool}/${target.sr}/${vm.vm}`
  const main = ['/', '/jobs', '/jobs/new', replica, '/settings/pools', ...(run === undefined ? [] : [`/runs/${run.id}`])]
  const tabs = ['', '?tab=schedules', '?tab=settings', '?tab=runs'].map((tab) => `/jobs/${job.id}${tab}`)
  const others = ['/replicas', '/activity', '/activity?tab=alerts', '/nowhere', ...settings.map((section) => `/settings/${section}`)]
  return { main, all: [...main, ...tabs, ...others] }
}

async function open(where: Page, path: string): Promise<void> {
  await where.goto(`${server.url}${path}`)
  await where.getByRole('heading', { level: 1 }).waitFor()
  await where.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' })
}

test('every page holds to WCAG 2.2 AA, light and wide', needs('chromium'), async () => {
  for (const path of (await places()).all) {
    await open(page, path)
    await assertAccessible(page, path)
  }
})

test(
  'on a telephone, in the dark: nothing is wider than the screen, and the main pages hold to WCAG 2.2 AA',
  needs('chromium'),
  async () => {
    const narrow = await browser.open(server.url, { width: 360, height: 780, dark: true })
    await signIn(narrow)
    const { all, main } = await places()
    for (const path of all) {
      await open(narrow, path)
      if (main.includes(path)) await assertAccessible(narrow, path)
      const tooWide = await narrow.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      assert.equal(tooWide, 0, `${path} is wider than the screen`)
    }
    await narrow.context().close()
  },
)

test('G9: the policy of the page was kept all along: nothing inline, no other address, no error on the console', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
