/**
 * `npm run screenshots [-- FOLDER [PAGE...]]`: pictures of every page on a lab, light and dark, at 360, 1280 and 1920 px, as PNG files (default:
 * screenshots/). Not a test: for people, and for the documentation. The history in the charts is made up; everything else is what it shows.
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import type { Activity } from '../src/core/control/activity.ts'
import type { FailoverConfirmation, FailoverRequest } from '../src/core/control/failover-request.ts'
import { startBrowser } from '../test/support/browser.ts'
import type { StartedPool } from '../test/support/lab.ts'
import { createJob, registerPools, signIn } from '../test/support/on-page.ts'
import { type PageServer, startPageServer } from '../test/support/page-server.ts'
import { programPath } from '../test/support/programs.ts'
import { addRunHistory } from '../test/support/run-history.ts'
import { buildPage } from './build-page.ts'

const root = join(import.meta.dirname, '..')
const folder = resolve(process.argv[2] ?? join(root, 'screenshots'))
const only = process.argv.slice(3)
const SIZES = {
  desk: { width: 1920, height: 1080 },
  wide: { width: 1280, height: 860 },
  narrow: { width: 360, height: 780 },
} as const
const BY = { kind: 'system', id: '', name: 'screenshots' } as const
const PATIENCE_MS = 180_000

interface Place {
  readonly path: string
  /** To what is shown only then: a dialog. */
  act?(page: Page): Promise<void>
}

/** Until it is so; what can be waited for is told by no event of the page. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await isSo()); await new Promise((done) => setTimeout(done, 200))) {
    if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`)
  }
}

async function runJob({ plane }: PageServer, job: string): Promise<string> {
  const run = await plane.runs.start({ job }, BY)
  await until('the run has ended', async () => (await plane.runs.get(run.id)).endedAt !== null)
  return run.id
}

async function act({ plane }: PageServer, request: FailoverRequest & FailoverConfirmation): Promise<Activity> {
  const begun = await plane.failover.start(request, BY)
  await until(`${request.kind} has ended`, async () => (await plane.activities.get(begun.id)).endedAt !== null)
  return plane.activities.get(begun.id)
}

/** A server in use: jobs that ran, a guest that wrote, a run that failed, a test, a plan that was tested. */
async function prepare(server: PageServer): Promise<Readonly<Record<string, Place>>> {
  const { plane } = server
  const pools = await registerPools(server)
  const job = await createJob(server, pools, 'web to oslo', 'web')
  const database = await createJob(server, pools, 'database to oslo', 'database')
  const vm = vmOf(job)
  await runJob(server, database.id)
  const run = await runJob(server, job.id)
  const source = server.lab.pools[0] as StartedPool
  for (let nth = 0; nth < 3; nth++) {
    await source.post('/guest/random', { vm, count: 40 * (nth + 1), seed: `picture ${nth}` })
    await runJob(server, job.id)
  }
  const target = job.targets[0] as { pool: string; sr: string }
  const test = await act(server, { kind: 'test-failover', target, vm, job: job.id })
  const plan = await plane.plans.create({
    name: 'Main site',
    description: 'Databases first, then what needs them.',
    onFailure: 'stop',
    ready: ['tools'],
    readyTimeoutSeconds: 300,
    scriptTimeoutSeconds: 60,
    networks: {},
    groups: [
      { name: 'databases', delaySeconds: 0, before: null, after: null, vms: [{ vm: vmOf(database), target, job: database.id }] },
      { name: 'web', delaySeconds: 5, before: null, after: null, vms: [{ vm, target, job: job.id }] },
    ],
  })
  const planRun = await plane.plans.start(plan.id, { mode: 'test' }, BY)
  await until('the plan has ended', async () => (await plane.activities.get(planRun.id)).endedAt !== null)
  // Without its schedule: what fails is to be in the pictures, not tried again.
  await plane.jobs.update(database.id, { settings: { retries: 0, waitMinutes: 0 } })
  await (server.lab.pools[1] as StartedPool).stop()
  const failed = await runJob(server, database.id)
  await (server.lab.pools[1] as StartedPool).start()
  await until('the target is back', async () => (await plane.pools.list()).every(({ state }) => state === 'connected'))
  const replica = `/replicas/${target.pool}/${target.sr}/${vm}`
  return {
    overview: { path: '/' },
    jobs: { path: '/jobs' },
    'job-new': { path: '/jobs/new' },
    'job-edit': { path: `/jobs/${job.id}/edit` },
    job: { path: `/jobs/${job.id}` },
    'job-schedules': { path: `/jobs/${job.id}?tab=schedules` },
    'job-settings': { path: `/jobs/${job.id}?tab=settings` },
    'job-runs': { path: `/jobs/${job.id}?tab=runs` },
    'job-seed': { path: `/jobs/${job.id}?tab=seed` },
    'job-seed-hand': { path: `/jobs/${job.id}?tab=seed&way=hand` },
    run: { path: `/runs/${run}` },
    'run-failed': { path: `/runs/${failed}` },
    replicas: { path: '/replicas' },
    replica: { path: replica },
    'failover-dialog': { path: replica, act: (page) => dialog(page, 'Fail over…', /^Planned failover/) },
    'test-dialog': { path: replica, act: (page) => dialog(page, 'Test failover') },
    plans: { path: '/plans' },
    plan: { path: `/plans/${plan.id}` },
    'plan-edit': { path: `/plans/${plan.id}/edit` },
    activity: { path: '/activity' },
    activities: { path: '/activity?tab=activities' },
    alerts: { path: '/activity?tab=alerts' },
    'test-report': { path: `/activities/${test.id}` },
    'plan-report': { path: `/activities/${planRun.id}` },
    ...Object.fromEntries(
      ['pools', 'limits', 'maintenance', 'notifications', 'users', 'tokens', 'audit', 'appearance', 'about'].map((section) => [
        `settings-${section}`,
        { path: `/settings/${section}` },
      ]),
    ),
    'settings-pool': { path: `/settings/pools/${pools[0]}` },
    docs: { path: '/docs/errors.md' },
  }
}

function vmOf({ selection }: Awaited<ReturnType<typeof createJob>>): string {
  const [vm] = selection.include
  if (vm?.kind !== 'vm') throw new Error('the job has no VM')
  return vm.vm
}

async function dialog(page: Page, button: string, item?: RegExp): Promise<void> {
  await page.getByRole('button', { name: button }).first().click()
  if (item !== undefined) await page.getByRole('menuitem', { name: item }).click()
  await page.getByRole('region', { name: 'What would happen' }).waitFor()
}

if (programPath('chromium') === undefined) {
  console.error('screenshots: NOT RUN: there is no chromium (Debian: apt-get install chromium)')
  process.exit(1)
}
buildPage()
mkdirSync(folder, { recursive: true })
const server = await startPageServer({ prepare: (store) => addRunHistory(store, { id: 'made-up', name: 'web to oslo' }, Date.now()) })
const browser = await startBrowser()
let count = 0
try {
  const places = Object.entries(await prepare(server)).filter(([name]) => only.length === 0 || only.includes(name))
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const dark of [false, true]) {
      const page = await browser.open(server.url, { ...viewport, dark })
      await signIn(page)
      for (const [name, place] of places) {
        await page.goto(`${server.url}${place.path}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' })
        await place.act?.(page)
        await page.screenshot({ path: join(folder, `${name}-${size}-${dark ? 'dark' : 'light'}.png`) })
        count++
      }
      await page.context().close()
    }
  }
  console.log(`${count} pictures in ${folder}`)
} finally {
  await browser.close()
  await server.close()
}
