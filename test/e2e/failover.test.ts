/** The worst day, and its rehearsals, on the page: test failover, failover, undo, planned failover, failback. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from '../support/browser.ts'
import type { StartedPool } from '../support/lab.ts'
import { createJob, registerPools, signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

let server: PageServer
let browser: TestBrowser
let page: Page
let replica = ''

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  const pools = await registerPools(server)
  const job = await createJob(server, pools, 'nightly', 'web')
  const [target] = job.targets
  const [vm] = job.selection.include
  assert.ok(target && vm?.kind === 'vm')
  replica = `/replicas/${target.pool}/${target.sr}/${vm.vm}`
  page = await browser.open(server.url)
  await signIn(page)
  await runTheJob()
})
after(async () => {
  await browser?.close()
  await server?.close()
})

async function runTheJob(): Promise<void> {
  await page.goto(`${server.url}/jobs`)
  await page.getByRole('button', { name: 'Actions for nightly' }).click()
  await page.getByRole('menuitem', { name: 'Run now' }).click()
  await page.getByRole('region', { name: 'web' }).getByText('succeeded').waitFor()
}

const openReplica = async () => {
  await page.goto(`${server.url}${replica}`)
  await page.getByRole('heading', { name: 'Replica of web', level: 1 }).waitFor()
}

/** Opens the dialog, sees what would happen; the dialog. */
async function choose(action: RegExp | string, from: 'button' | 'menu' = 'menu'): Promise<Locator> {
  if (from === 'button') await page.getByRole('button', { name: action }).click()
  else {
    await page.getByRole('button', { name: 'Fail over…' }).click()
    await page.getByRole('menuitem', { name: action }).click()
  }
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('region', { name: 'What would happen' }).waitFor()
  await dialog.getByText('What will happen', { exact: true }).waitFor()
  return dialog
}

/** Types the name that it asks for, goes on, and waits for the end of the activity. */
async function goOn(dialog: Locator, button: string, outcome: string): Promise<void> {
  const go = dialog.getByRole('button', { name: button })
  const name = dialog.getByRole('textbox', { name: /^To go on, type the name/ })
  if ((await name.count()) > 0) {
    assert.ok(await go.isDisabled(), 'the name is not typed yet')
    await name.fill('web')
  }
  await go.click()
  await page.waitForURL(/\/activities\//)
  await page.getByText(outcome, { exact: true }).waitFor()
}

const targetPool = () => server.lab.pools[1] as StartedPool
const vmsOf = async (pool: StartedPool) => (await pool.get('/vms')) as { vms: { name: string; power_state: string }[] }
const running = async (pool: StartedPool) =>
  (await vmsOf(pool)).vms.filter(({ power_state }) => power_state === 'Running').map(({ name }) => name)

test('a test failover says beforehand what it does, shows the evidence, and leaves nothing', needs('chromium'), async () => {
  await openReplica()
  const dialog = await choose('Test failover', 'button')
  await dialog.getByText('The replica, its restore points and the source are not touched', { exact: false }).waitFor()
  await assertAccessible(page, 'test dialog')
  await goOn(dialog, 'Start the test', 'It came up')
  await page.getByText('What proves it').waitFor()
  await page.getByText('tools', { exact: true }).first().waitFor()
  await assertAccessible(page, 'report of a test')
  assert.deepEqual(await running(targetPool()), [])
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Report' }).click()])
  assert.match(file.suggestedFilename(), /^understudy-test-failover-.*\.md$/)
  await openReplica()
  await page.getByText(/^test: up after/).waitFor()
})

test('a test that is kept runs until somebody cleans up', needs('chromium'), async () => {
  await openReplica()
  const dialog = await choose('Test failover', 'button')
  await dialog.getByRole('checkbox', { name: 'Keep it running to look at' }).check()
  await goOn(dialog, 'Start the test', 'It came up')
  assert.equal((await running(targetPool())).length, 1)
  await openReplica()
  await page.getByText('1 test of it is there').waitFor()
  await assertAccessible(page, 'replica with a test')
  await page.getByRole('button', { name: /^Clean up / }).click()
  const cleaning = page.getByRole('dialog')
  await cleaning.getByRole('region', { name: 'What would happen' }).waitFor()
  await goOn(cleaning, 'Remove', 'Tests are removed')
  assert.deepEqual(await running(targetPool()), [])
})

test('a restore point is cloned to work on', needs('chromium'), async () => {
  await openReplica()
  await page
    .getByRole('button', { name: /^Use the restore point of/ })
    .first()
    .click()
  await page.getByRole('menuitem', { name: 'Clone' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox', { name: 'Name of the clone' }).fill('web to look at')
  await dialog.getByRole('region', { name: 'What would happen' }).waitFor()
  await goOn(dialog, 'Make the clone', 'The clone is there')
  assert.ok((await vmsOf(targetPool())).vms.some(({ name }) => name === 'web to look at'))
})

test(
  'with the source gone a VM is failed over after its name was typed; all say so; undoing makes it a replica again',
  needs('chromium'),
  async () => {
    const source = server.lab.pools[0] as StartedPool
    await source.stop()
    try {
      await openReplica()
      const dialog = await choose(/^Fail over now/)
      await dialog.getByText('What is lost').waitFor()
      const told = await dialog.innerText()
      assert.doesNotMatch(told, /\d{4}-\d\d-\d\dT\d\d/, 'times are those of the reader')
      assert.match(told, /Restore point of \d+ \w+ \d{4}, \d\d:\d\d:\d\d \((now|.* ago)\)\./)
      await assertAccessible(page, 'failover dialog')
      await goOn(dialog, 'Fail over now', 'The replica has taken over')
      assert.equal((await running(targetPool())).length, 1)
      await page.goto(server.url)
      await page.getByRole('link', { name: /^web: failed over\./ }).waitFor()
      await assertAccessible(page, 'overview after a failover')
    } finally {
      await source.start()
    }
    await page.goto(`${server.url}/settings/pools`)
    await page.getByRole('cell', { name: 'connected' }).nth(1).waitFor()
    await openReplica()
    await page.getByText('Failed over', { exact: true }).waitFor()
    await assertAccessible(page, 'replica that failed over')
    await goOn(await choose(/^Undo the failover/), 'Undo', 'The failover is undone')
    assert.deepEqual(await running(targetPool()), [])
    await page.goto(server.url)
    await page.getByRole('link', { name: /^web: failed over\./ }).waitFor({ state: 'detached' })
  },
)

test('a planned failover loses nothing; failing back brings the VM home, and it is protected as before', needs('chromium'), async () => {
  const source = server.lab.pools[0] as StartedPool
  await openReplica()
  await goOn(await choose(/^Planned failover/), 'Fail over', 'The replica has taken over, with everything that the source wrote')
  assert.equal((await running(targetPool())).length, 1)
  assert.ok(!(await running(source)).includes('web'))
  await openReplica()
  await page.getByText('Failed over as planned', { exact: true }).waitFor()
  await goOn(await choose(/^Fail back/), 'Fail back', 'It runs at home again')
  await page.getByText('Protected as before', { exact: true }).waitFor()
  assert.ok((await running(source)).includes('web'))
  assert.deepEqual(await running(targetPool()), [])
})

test('activities are listed and narrowed by kind', needs('chromium'), async () => {
  await page.goto(`${server.url}/activity?tab=activities`)
  await page.getByRole('link', { name: 'Failback: web' }).waitFor()
  await page.getByRole('combobox', { name: 'Kind' }).click()
  await page.getByRole('option', { name: 'Test failover', exact: true }).click()
  await page.getByRole('link', { name: 'Failback: web' }).waitFor({ state: 'detached' })
  const tests = page.getByRole('link', { name: 'Test failover: web' })
  await tests.nth(1).waitFor()
  assert.equal(await tests.count(), 2)
})

test('G9: the policy of the page was kept all along', needs('chromium'), () => {
  browser.assertClean()
  assert.deepEqual(server.errors, [])
})
