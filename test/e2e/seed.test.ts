/** The first copy by way of a seed, on the page of its job. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'
import { type MadeVm, MIB, makeVm } from '../support/replicating.ts'
import { carryOver, snapshotByHand } from '../support/seeding.ts'

let server: PageServer
let browser: TestBrowser
let page: Page
/** Small enough to be copied whole. */
let vm: MadeVm

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  vm = await makeVm(server.lab.pools[0] as StartedPool, [16 * MIB, 8 * MIB], { name: 'mail' })
  const pools = await registerPools(server)
  for (const name of ['web', 'database', 'mail']) {
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

async function openByHand(job: string): Promise<void> {
  await page.goto(`${server.url}/jobs`)
  await page.getByRole('link', { name: job, exact: true }).click()
  await page.getByRole('tab', { name: 'Seed' }).click()
  await page.getByText('Copy made by hand', { exact: true }).click()
}

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
  await openByHand('database to oslo')
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

test(
  'a copy made by hand is chosen, compared whole and linked; the run after it is a delta of what changed since',
  needs('chromium'),
  async () => {
    const [source, target] = server.lab.pools as [StartedPool, StartedPool]
    const sr = target.srs[0]?.uuid as string
    await openByHand('mail to oslo')
    await step('4. The first delta').getByText('Not linked yet').waitFor()
    // The wizard is open already when both are made.
    const snapshot = await snapshotByHand({ source }, vm)
    const copy = await carryOver({ source, target, sr }, snapshot, vm)
    await page.getByRole('combobox', { name: 'Snapshot to copy' }).click()
    await page.getByRole('option', { name: /^to be carried over, / }).click()
    await step('2. Copy it to the target').getByText(`snapshot-uuid=${snapshot}`, { exact: false }).waitFor()
    const named = page.getByRole('combobox', { name: 'uuid of the copy' })
    await named.fill(copy.slice(0, 8))
    await page.getByRole('option', { name: copy }).click()
    await step('3. Check and link').getByText('Can be linked', { exact: true }).waitFor()
    await assertAccessible(page, 'copy by hand that can be linked')
    await page.getByRole('radio', { name: 'the whole disks' }).check()
    await step('3. Check and link').getByRole('button', { name: 'Compare and link' }).click()
    await step('3. Check and link').getByText('done', { exact: true }).waitFor()
    await step('4. The first delta').getByText('Linked: the next run is a delta').waitFor()
    await source.post('/guest/random', { vm: vm.uuid, count: 2 })
    await step('4. The first delta').getByRole('button', { name: 'Run now' }).click()
    const card = page.getByRole('region', { name: 'mail' })
    await card.getByText('succeeded').waitFor()
    await card.getByRole('button', { name: 'Plan and log' }).click()
    await card.getByText('delta', { exact: true }).first().waitFor()
    assert.equal(await card.getByText('full copy', { exact: true }).count(), 0)
    const sent = await card.getByText(/Sent [0-9.]+ (B|KiB) /).count()
    assert.equal(sent, vm.disks.length, 'each disk sent less than a MiB')
    const [run] = (await server.plane.runs.list({ limit: 1 })).items
    assert.ok(run && run.totals.fulls === 0 && run.totals.bytesSent > 0 && run.totals.bytesSent < MIB, JSON.stringify(run?.totals))
    await assertAccessible(page, 'run of a linked copy')
    await openByHand('mail to oslo')
    await step('4. The first delta').getByText('A run went on from it: done').waitFor()
  },
)

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
