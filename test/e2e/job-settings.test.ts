/** What a job does, changed on the page: a schedule switched off and on, a disk that is left out. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'
import { waitFor } from '../support/recovering.ts'

const BY = { kind: 'system', id: '', name: 'test' } as const

let server: PageServer
let browser: TestBrowser
let page: Page
let job: string

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  job = (await createJob(server, await registerPools(server), 'nightly', 'web')).id
  page = await browser.open(server.url)
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await server?.close()
})

test('a schedule is switched off and on where it stands', needs('chromium'), async () => {
  await page.goto(`${server.url}/jobs/${job}?tab=schedules`)
  const schedule = async () => (await server.plane.jobs.get(job)).schedules[0]
  const name = (await schedule())?.name as string
  const row = page.getByRole('row', { name: new RegExp(name) })
  const box = row.getByRole('switch', { name: `Schedule ${name} is enabled` })
  assert.ok(await box.isChecked())
  for (const enabled of [false, true]) {
    // What is clicked is the track; the box itself has no size.
    await row.locator('label').first().click()
    await waitFor(`it is ${enabled ? 'on' : 'off'}`, async () => ((await schedule())?.enabled === enabled ? true : undefined))
    await row.getByText('off', { exact: true }).waitFor({ state: enabled ? 'detached' : 'visible' })
    assert.equal(await box.isChecked(), enabled)
  }
})

test('a disk is left out by its name, and the job says which', needs('chromium'), async () => {
  const source = (await server.plane.jobs.get(job)).selection.include.flatMap((each) => (each.kind === 'vm' ? [each] : []))[0]
  const vm = (await server.plane.pools.inventory(source?.pool as string)).vms.find(({ uuid }) => uuid === source?.vm)
  const disk = vm?.disks.at(-1)
  assert.ok(disk)
  await page.goto(`${server.url}/jobs/${job}/edit`)
  await page.getByRole('button', { name: 'Advanced' }).click()
  await page.getByLabel('Disks that are left out').first().click()
  await page.getByRole('option', { name: `web: disk ${disk.userdevice}, ${disk.name}` }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Save' }).click()
  await waitFor('it is stored', async () =>
    (await server.plane.jobs.get(job)).settings.excludeDisks?.includes(disk.uuid) === true ? true : undefined,
  )
  await page.goto(`${server.url}/jobs/${job}?tab=settings`)
  await page.getByText(`web: disk ${disk.userdevice}, ${disk.name}`, { exact: false }).waitFor()
  browser.assertClean()
})

test('runs are narrowed by VM, from its replica too; the audit log by who, object and time', needs('chromium'), async () => {
  const { id: run } = await server.plane.runs.start({ job }, BY)
  await waitFor('the run ends', async () => ((await server.plane.runs.get(run)).endedAt === null ? undefined : true))
  const [chain] = (await server.plane.replicas.protection({ job })).items
  assert.ok(chain?.target)
  await page.goto(`${server.url}/replicas/${chain.target.pool}/${chain.target.sr}/${chain.vm.uuid}`)
  await page.getByRole('link', { name: 'Runs', exact: true }).click()
  const rows = page.getByRole('row', { name: /nightly/ })
  await rows.first().waitFor()
  assert.equal(
    await page
      .getByRole('combobox', { name: 'VM', exact: true })
      .or(page.getByRole('textbox', { name: 'VM', exact: true }))
      .inputValue(),
    'web',
  )
  await page.goto(`${server.url}/activity?vm=${randomUUID()}&period=day`)
  await page.getByText('No run matches.').waitFor()
  await page.goto(`${server.url}/settings/audit?period=day&object=${job}`)
  await page.getByRole('cell', { name: job, exact: false }).first().waitFor()
  await page.goto(`${server.url}/settings/audit?period=day&object=${randomUUID()}`)
  await page.getByText('Nothing was done yet.').waitFor()
  await assertAccessible(page, 'the audit log, narrowed')
  browser.assertClean()
})
