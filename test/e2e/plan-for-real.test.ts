/** The worst day by plan: the site is lost, a recovery plan is run for real, watched while it goes on, and its report is kept. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'
import { withXapi } from '../support/replicating.ts'

const ISO = /\d{4}-\d\d-\d\dT\d\d:\d\d/
const NO_TIME = /(^|[^\d.,])0 s\b/

let server: PageServer
let browser: TestBrowser
/** Where the plan is started, and followed. */
let page: Page
/** Somebody else's, on the page of the plan all along. */
let other: Page
let folder = ''
let gate = ''
let plan = ''

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  folder = mkdtempSync(join(tmpdir(), 'gate'))
  gate = join(folder, 'open')
  // The second group comes up when the test says so.
  const probe = join(folder, 'probe.sh')
  writeFileSync(probe, `#!/bin/sh\ntest -e "${gate}"\n`, { mode: 0o755 })
  server = await startPageServer()
  browser = await startBrowser()
  const pools = await registerPools(server)
  page = await browser.open(server.url)
  await signIn(page)
  const groups = []
  for (const [name, ready] of [
    ['database', 'tools'],
    ['web', `script:${probe}`],
  ] as const) {
    const job = await createJob(server, pools, `${name} to oslo`, name)
    const run = await server.plane.runs.start({ job: job.id }, { kind: 'system', id: '', name: 'test' })
    await page.goto(`${server.url}/runs/${run.id}`)
    await page.getByRole('region', { name }).getByText('succeeded').waitFor()
    const [target] = job.targets
    const [of] = job.selection.include
    assert.ok(target && of?.kind === 'vm')
    const vms = [{ vm: of.vm, target, job: null, ready: [ready] }]
    groups.push({ name: `group of ${name}`, delaySeconds: 0, before: null, after: null, vms })
  }
  const made = await server.plane.plans.create({
    ...{ name: 'main site', description: '', onFailure: 'stop', ready: ['tools'], readyTimeoutSeconds: 600, scriptTimeoutSeconds: 60 },
    ...{ networks: {}, groups },
  })
  plan = `/plans/${made.id}`
  other = await browser.open(server.url)
  await signIn(other)
})
after(async () => {
  await browser?.close()
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const card = (on: Page, name: string) => on.getByRole('region', { name, exact: true })

/** Names of those that run, as the target's XAPI tells. */
const running = () =>
  withXapi(server.lab.pools[1] as StartedPool, async (xapi) =>
    [...(await xapi.records('VM')).values()]
      .filter((vm) => vm.power_state === 'Running' && !vm.is_control_domain && !vm.is_a_snapshot)
      .map(({ name_label }) => name_label)
      .sort(),
  )

test('a test that is cancelled while a VM comes up says how far it got, and leaves nothing', needs('chromium'), async () => {
  await page.goto(`${server.url}${plan}`)
  await page.getByRole('button', { name: 'Run as test' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Start the test' }).click()
  await page.getByText('It runs now, as a test', { exact: true }).waitFor()
  await page.waitForURL(/\/activities\//)
  await card(page, 'web')
    .getByText(/^waiting for .* to come up/)
    .waitFor()
  assert.equal((await running()).length, 2)
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click()
  await page.getByText('cancelled', { exact: true }).waitFor()
  await card(page, 'database').getByText('up', { exact: true }).waitFor()
  await card(page, 'web').getByText('broken off', { exact: true }).waitFor()
  await page.getByText('everything that the test made is removed', { exact: true }).waitFor()
  await assertAccessible(page, 'plan that was cancelled')
  assert.deepEqual(await running(), [])
})

test(
  'with the source gone the dialog tells what is lost by the clock of whoever reads it, and asks for the name',
  needs('chromium'),
  async () => {
    await (server.lab.pools[0] as StartedPool).stop()
    for (const each of [page, other]) {
      await each.goto(`${server.url}${plan}`)
      await each.getByText('It could be run now: 2 VMs have a restore point').waitFor()
    }
    await page.getByRole('button', { name: 'Run for real…' }).click()
    await page.getByRole('menuitem', { name: /^Fail over now/ }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('What is lost', { exact: true }).waitFor()
    const text = await dialog.innerText()
    assert.doesNotMatch(text, ISO)
    assert.match(text, /database: what the source wrote since \d+ \w+ \d{4}, \d\d:\d\d:\d\d \((now|\d+ (s|min)( \d+ s)? ago)\)/)
    await assertAccessible(page, 'dialog of a plan for real')
    await dialog.getByRole('textbox', { name: 'To go on, type the name: main site' }).fill('main site')
    await dialog.getByRole('button', { name: 'Fail over now' }).click()
    await page.waitForURL(/\/activities\//)
  },
)

test('each VM is seen coming up, here and on the page of the plan, without a reload', needs('chromium'), async () => {
  for (const on of [page, other]) {
    await on.getByText('It runs now, for real: failover', { exact: true }).waitFor()
    await card(on, 'database').getByText('up', { exact: true }).waitFor()
    await card(on, 'database')
      .getByText(/^guest tools .* report/)
      .waitFor()
    await card(on, 'web').getByText('under way', { exact: true }).waitFor()
    await card(on, 'web')
      .getByText(/^waiting for "web" to come up: script:.*probe\.sh/)
      .waitFor()
    await assertAccessible(on, 'plan that runs')
  }
  assert.ok(await other.getByRole('button', { name: 'Run as test' }).isDisabled(), 'a second run is not offered')
  await other
    .getByRole('row', { name: /Recovery plan: main site/ })
    .getByText(/waiting for "web" to come up/)
    .waitFor()
  assert.deepEqual(await running(), ['database', 'web'])
  const counted = card(page, 'web').getByText(/^for \d/)
  const first = await counted.innerText()
  await card(page, 'web').getByText(first, { exact: true }).waitFor({ state: 'detached' })
  const timeline = page.getByRole('region', { name: 'What was done when' })
  await timeline.getByText('group of database: database: up', { exact: true }).waitFor()
  await timeline.getByText(/^web: waiting for .* to come up/).waitFor()
  assert.equal(await timeline.getByText('group of web: web: up', { exact: true }).count(), 0)
  writeFileSync(gate, '')
  await page.getByText('All VMs of the plan came up', { exact: true }).waitFor()
  await card(page, 'web').getByText('up', { exact: true }).waitFor()
  await timeline.getByText('group of web: web: up', { exact: true }).waitFor()
  await other.getByText('It runs now, for real: failover', { exact: true }).waitFor({ state: 'detached' })
  for (const name of ['database', 'web']) await card(other, name).getByText('has failed over', { exact: true }).waitFor()
  await other
    .getByRole('row', { name: /Recovery plan: main site/ })
    .getByText('done', { exact: true })
    .waitFor()
  for (const on of [page, other]) {
    await assertAccessible(on, 'plan that ran')
    assert.doesNotMatch(await on.getByRole('main').innerText(), NO_TIME)
  }
})

test('its report is downloaded; what it says runs, runs on the target', needs('chromium'), async () => {
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Report' }).click()])
  const report = readFileSync(await file.path(), 'utf8')
  assert.match(report, /main site/)
  for (const name of ['database', 'web']) assert.match(report, new RegExp(`\\| group of ${name} \\| ${name} .*\\| up \\|`))
  assert.deepEqual(await running(), ['database', 'web'])
  const [activity] = (await server.plane.activities.list({ kind: ['plan'] })).items
  assert.deepEqual(
    activity?.planRun?.vms.map(({ name, state }) => [name, state]),
    [
      ['database', 'up'],
      ['web', 'up'],
    ],
  )
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
