/** From an empty server to a protected VM, with nothing but the page. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
import { fillPoolForm } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

let server: PageServer
let browser: TestBrowser

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer({ administrator: false })
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.close()
})

test(
  'first administrator, two pools by their fingerprints, a job by tag, its first run, and all is protected',
  needs('chromium'),
  async () => {
    assert.ok(server.firstStart)
    const page = await browser.open(server.firstStart)
    await page.getByRole('heading', { name: /First administrator/ }).waitFor()
    await assertAccessible(page, 'first set-up')
    await page.getByRole('textbox', { name: 'User' }).fill('ada')
    await page.getByRole('textbox', { name: 'Password' }).fill('correct-horse-battery-9')
    await page.getByRole('button', { name: 'Create and sign in' }).click()

    const [paris, oslo] = server.lab.pools as [StartedPool, StartedPool]
    await page.getByRole('button', { name: 'Add source pool' }).click()
    await fillPoolForm(page, paris)
    await page.getByText(paris.fingerprint).waitFor()
    await assertAccessible(page, 'certificate')
    await page.getByRole('button', { name: 'It is the same: accept and add' }).click()
    await page.getByRole('button', { name: 'Add target pool' }).click()
    await fillPoolForm(page, oslo)
    await page.getByText(oslo.fingerprint).waitFor()
    await page.getByRole('button', { name: 'It is the same: accept and add' }).click()

    await page.getByRole('button', { name: 'New job' }).click()
    await page.getByRole('textbox', { name: 'Name of the job' }).fill('web to oslo')
    await page.getByRole('combobox', { name: 'All with tag' }).click()
    await page.getByRole('option', { name: /^web \(1\)/ }).click()
    await page.getByText('1 VM at this moment').waitFor()
    assert.ok(await page.getByRole('checkbox', { name: 'Protect web' }).isChecked(), 'what a rule chooses is ticked')
    await page.getByText('Every 15 min', { exact: true }).click()
    await page
      .getByText(/^Next times/)
      .getByText(/· .* · .* · .* ·/)
      .waitFor()
    const create = page.getByRole('button', { name: 'Create and run now' })
    assert.ok(await create.isDisabled(), 'there is no target yet')
    await page.getByRole('checkbox', { name: /^Copy to Local storage of oslo/ }).check()
    await page.getByText(/1 VM will be copied every 15 min to Local storage \(oslo\)/).waitFor()
    await assertAccessible(page, 'new job')
    await create.click()

    await page.getByRole('heading', { name: 'Run of web to oslo' }).waitFor()
    const vm = page.getByRole('region', { name: 'web' })
    await vm.getByText('succeeded').waitFor()
    await vm.getByRole('button', { name: 'Plan and log' }).click()
    await vm.getByText('there is no restore point of this VM on the target yet').first().waitFor()
    await assertAccessible(page, 'run')

    await page.getByRole('link', { name: 'Overview', exact: true }).click()
    await page.getByRole('link', { name: /^web: protected\./ }).waitFor()
    await page.getByText('Nothing needs attention.').waitFor()
    await assertAccessible(page, 'overview')
    const [job] = await server.plane.jobs.list()
    assert.deepEqual(job?.schedules[0]?.timing, { kind: 'interval', minutes: 15 })
    browser.assertClean()
    assert.deepEqual(server.errors, [])
  },
)
