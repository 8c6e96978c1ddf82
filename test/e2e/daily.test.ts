/** What is done on the page of a server that is in use, day by day. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
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
// Exact: "Edit copy" is there until everything is stored, "copy" only then.
const heading = (name: string) => page.getByRole('heading', { name, level: 1, exact: true }).waitFor()
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
    await heading('copy')
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

test(
  'jobs are exported to a file, which brings a deleted job back with its ids, and one that is here only when that is ticked',
  needs('chromium'),
  async () => {
    const before = await jobNamed('nightly')
    await rail('Jobs')
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()])
    const path = await file.path()
    await server.plane.jobs.remove(before.id)
    await page.getByRole('link', { name: 'nightly', exact: true }).waitFor({ state: 'detached' })
    const dialog = page.getByRole('dialog')
    const choose = async () => {
      await page.getByRole('button', { name: 'Import' }).click()
      const [chooser] = await Promise.all([page.waitForEvent('filechooser'), dialog.getByRole('button', { name: 'File' }).click()])
      await chooser.setFiles(path)
      await dialog.getByText('It holds 1 job').waitFor()
    }
    await choose()
    await assertAccessible(page, 'import')
    await dialog.getByRole('button', { name: 'Import' }).click()
    await page.getByRole('link', { name: 'nightly', exact: true }).waitFor()
    const { id, schedules } = await jobNamed('nightly')
    assert.deepEqual([id, schedules], [before.id, before.schedules])
    await choose()
    await dialog.getByText('is here already', { exact: false }).waitFor()
    assert.ok(await dialog.getByRole('button', { name: 'Import' }).isDisabled(), 'it would replace a job')
    await dialog.getByRole('checkbox', { name: /^Replace 1 job/ }).check()
    await dialog.getByRole('button', { name: 'Import' }).click()
    await dialog.waitFor({ state: 'detached' })
  },
)

test('a schedule has settings of its own beside those of its job', needs('chromium'), async () => {
  const { id } = await jobNamed('nightly')
  await page.goto(`${server.url}/jobs/${id}/edit`)
  await page.getByRole('button', { name: 'Settings of schedule 1 only' }).click()
  await page.getByRole('combobox', { name: 'Other than the job (schedule 1)' }).click()
  await page.getByRole('option', { name: 'Verification after each run' }).click()
  await page.getByRole('combobox', { name: 'Verification after each run' }).click()
  await page.getByRole('option', { name: 'the whole disks' }).click()
  await page.getByRole('combobox', { name: 'Other than the job (schedule 1)' }).click()
  await page.getByRole('option', { name: 'VMs at once' }).click()
  await page.getByRole('button', { name: 'As the job: VMs at once' }).click()
  await assertAccessible(page, 'overrides')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await heading('nightly')
  const job = await jobNamed('nightly')
  assert.deepEqual([job.settings, job.schedules[0]?.settings], [{}, { verify: 'full' }])
})

test('columns of a wide table are chosen, and the choice is remembered', needs('chromium'), async () => {
  await rail('Jobs')
  const head = page.getByRole('columnheader', { name: 'Last run' })
  await head.waitFor()
  await page.getByRole('button', { name: 'Columns of Jobs' }).click()
  await page.getByRole('checkbox', { name: 'Last run' }).uncheck()
  await head.waitFor({ state: 'detached' })
  await page.reload()
  await page.getByRole('columnheader', { name: 'Schedules, next run' }).waitFor()
  assert.equal(await head.count(), 0)
  await page.getByRole('button', { name: 'Columns of Jobs' }).click()
  await page.getByRole('checkbox', { name: 'Last run' }).check()
  await page.keyboard.press('Escape')
  await head.waitFor()
})

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
      const meaning = failed.getByRole('link', { name: /What this code means/ })
      const code = String(await meaning.textContent()).split(':')[0] as string
      await assertAccessible(page, 'failed run')
      await meaning.click()
      // The place of the code is in sight: the link has jumped.
      await page.locator(`#${code}`).locator('xpath=ancestor::tr').getByText(code, { exact: true }).waitFor()
      assert.ok(
        await page.evaluate(`(({ top }) => top >= 0 && top < innerHeight)(document.getElementById('${code}').getBoundingClientRect())`),
      )
      await assertAccessible(page, 'errors.md')
      await page.goBack()
      await rail('Overview')
      await page.getByRole('region', { name: 'Needs attention' }).getByRole('link', { name: 'web' }).waitFor()
      await page.getByRole('region', { name: 'Last failures' }).getByRole('link', { name: code }).waitFor()
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

test('G9: the policy of the page was kept all along: nothing inline, no other address, no error on the console', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
