/**
 * `npm run screenshots [-- FOLDER]`: pictures of the page on a lab, light and dark, wide and narrow, as PNG files (default:
 * screenshots/). Not a test: for people, and for the documentation.
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startBrowser } from '../test/support/browser.ts'
import { createJob, registerPools, signIn } from '../test/support/on-page.ts'
import { startPageServer } from '../test/support/page-server.ts'
import { programPath } from '../test/support/programs.ts'
import { buildPage } from './build-page.ts'

const root = join(import.meta.dirname, '..')
const folder = resolve(process.argv[2] ?? join(root, 'screenshots'))
const SIZES = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } } as const

if (programPath('chromium') === undefined) {
  console.error('screenshots: NOT RUN: there is no chromium (Debian: apt-get install chromium)')
  process.exit(1)
}
buildPage()
mkdirSync(folder, { recursive: true })
const server = await startPageServer()
const browser = await startBrowser()
try {
  const pools = await registerPools(server)
  const job = await createJob(server, pools, 'web to oslo', 'web')
  await createJob(server, pools, 'database to oslo', 'database')
  const run = await server.plane.runs.start({ job: job.id }, { kind: 'system', id: '', name: 'screenshots' })
  while ((await server.plane.runs.get(run.id)).endedAt === null) await new Promise((done) => setTimeout(done, 200))
  const [target] = job.targets
  const [vm] = job.selection.include
  const places = {
    overview: '/',
    jobs: '/jobs',
    'new-job': '/jobs/new',
    job: `/jobs/${job.id}`,
    run: `/runs/${run.id}`,
    replicas: '/replicas',
    replica: `/replicas/${target?.pool}/${target?.sr}/${vm?.kind === 'vm' ? vm.vm : ''}`,
    activity: '/activity',
    pools: '/settings/pools',
  }
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const dark of [false, true]) {
      const page = await browser.open(server.url, { ...viewport, dark })
      await signIn(page)
      for (const [name, path] of Object.entries(places)) {
        await page.goto(`${server.url}${path}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' })
        await page.screenshot({ path: join(folder, `${name}-${size}-${dark ? 'dark' : 'light'}.png`) })
      }
      await page.context().close()
    }
  }
  console.log(`${Object.keys(places).length * 4} pictures in ${folder}`)
} finally {
  await browser.close()
  await server.close()
}
