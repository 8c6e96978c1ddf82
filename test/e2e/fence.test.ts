/** A site that was lost comes back: its original is told of on the page, and blocked there. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'
import { withXapi } from '../support/replicating.ts'

let server: PageServer
let browser: TestBrowser
let page: Page
let vm = ''
let replica = ''

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  const job = await createJob(server, await registerPools(server), 'nightly', 'web')
  const [target] = job.targets
  const [of] = job.selection.include
  assert.ok(target && of?.kind === 'vm')
  vm = of.vm
  replica = `/replicas/${target.pool}/${target.sr}/${vm}`
  page = await browser.open(server.url)
  await signIn(page)
  const run = await server.plane.runs.start({ job: job.id }, { kind: 'system', id: '', name: 'test' })
  await page.goto(`${server.url}/runs/${run.id}`)
  await page.getByRole('region', { name: 'web' }).getByText('succeeded').waitFor()
})
after(async () => {
  await browser?.close()
  await server?.close()
})

const source = () => server.lab.pools[0] as StartedPool

/** As the source's XAPI tells it. */
const original = () => withXapi(source(), async (xapi) => xapi.record('VM', await xapi.byUuid('VM', vm)))

test(
  'after a power cut and a failover the original that is back and can be started is told of without reload',
  needs('chromium'),
  async () => {
    const { hosts } = (await source().get('/hosts')) as { hosts: { uuid: string }[] }
    const [host] = hosts
    assert.ok(host)
    await source().post(`/hosts/${host.uuid}/stop`)
    await page.goto(`${server.url}${replica}`)
    await page.getByRole('button', { name: 'Fail over…' }).click()
    await page.getByRole('menuitem', { name: /^Fail over now/ }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'To go on, type the name: web' }).fill('web')
    await dialog.getByRole('button', { name: 'Fail over now' }).click()
    await page.getByText('The replica has taken over', { exact: true }).waitFor()
    await page.goto(server.url)
    const attention = page.getByRole('region', { name: 'Needs attention' })
    await attention.getByText('away', { exact: true }).waitFor()
    await source().post(`/hosts/${host.uuid}/start`)
    await attention.getByText(/^web failed over, and its original on pool paris can be started/).waitFor()
    const before = await original()
    assert.deepEqual([before.power_state, before.blocked_operations], ['Halted', {}])
    await page.getByText('1 of 1 VM has failed over, and runs unprotected', { exact: true }).waitFor()
    await assertAccessible(page, 'overview with an original that can be started')
  },
)

test('from there it is two clicks to "Block the original", which blocks its start on the source pool', needs('chromium'), async () => {
  const attention = page.getByRole('region', { name: 'Needs attention' })
  await attention.getByRole('link', { name: 'Replica of web', exact: true }).click()
  await page.getByText('The original is down, and can be started by accident: block it.').waitFor()
  await page.getByRole('button', { name: 'Block the original' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('the start of "web" is blocked', { exact: false }).waitFor()
  await assertAccessible(page, 'dialog that blocks an original')
  await dialog.getByRole('button', { name: 'Block its start' }).click()
  await page.getByText('The originals can’t be started by accident', { exact: true }).waitFor()
  await page.getByRole('heading', { name: 'Blocking of originals: web', level: 1 }).waitFor()
  await page.getByRole('link', { name: 'Replica of web' }).waitFor()
  await assertAccessible(page, 'original that is blocked')
  const { power_state, blocked_operations } = await original()
  assert.equal(power_state, 'Halted')
  for (const operation of ['start', 'start_on'] as const) assert.ok(operation in blocked_operations, operation)
  const start = withXapi(source(), async (xapi) => xapi.call('VM.start', [await xapi.byUuid('VM', vm), false, false]))
  await assert.rejects(start, { code: 'OPERATION_BLOCKED' })
})

test('afterwards nothing is told of it any more, and the button is gone', needs('chromium'), async () => {
  await page.goto(server.url)
  const attention = page.getByRole('region', { name: 'Needs attention' })
  await attention.getByRole('link', { name: 'Open the replica of web' }).waitFor()
  assert.equal(await attention.getByRole('listitem').count(), 1, 'only that it failed over')
  await page.goto(`${server.url}/activity?tab=alerts`)
  await page.getByText(/^web failed over, and its original on pool paris can be started/).waitFor()
  await page.getByRole('row', { name: /^closed web failed over/ }).waitFor()
  await page.goto(`${server.url}${replica}`)
  await page.getByText('Failed over', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Clone', exact: true }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Block the original' }).count(), 0)
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
