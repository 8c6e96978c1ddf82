/** Pages by their addresses, each looked at wide and narrow, light and dark: nothing is wider than the screen, and all of it holds to WCAG 2.2 AA. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, startBrowser, type TestBrowser } from './browser.ts'
import { createJob, registerPools, signIn } from './on-page.ts'
import { type PageServer, startPageServer } from './page-server.ts'
import { missingPrograms, needs } from './programs.ts'

const WIDTHS = [1280, 360] as const
const SCHEMES = ['light', 'dark'] as const

/** What there is to look at. */
export interface Looked {
  readonly server: PageServer
  readonly job: string
  readonly run: string
  readonly pool: string
  /** Address of a replica's page */
  readonly replica: string
}

/** One test a page of a server that has a job which ran. */
export function lookAtPages(pages: Readonly<Record<string, (looked: Looked) => string>>): void {
  let browser: TestBrowser
  let page: Page
  let looked: Looked
  before(async () => {
    if (missingPrograms(['chromium']).length > 0) return
    browser = await startBrowser()
    looked = await prepare()
    page = await browser.open(looked.server.url)
    await signIn(page)
  })
  after(async () => {
    await browser?.close()
    await looked?.server.close()
  })
  for (const [name, address] of Object.entries(pages)) {
    test(`${name}: WCAG 2.2 AA and no wider than the screen at ${WIDTHS.join(' and ')} px, light and dark`, needs('chromium'), async () => {
      const path = address(looked)
      await page.goto(`${looked.server.url}${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' })
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 860 })
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme })
          await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor()
          const where = `${path} at ${width} px, ${colorScheme}`
          await assertAccessible(page, where)
          const tooWide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
          assert.equal(tooWide, 0, `wider than the screen: ${where}`)
        }
      }
    })
  }
  test('G9: the policy of the page was kept on all of them', needs('chromium'), () => browser.assertClean())
}

async function prepare(): Promise<Looked> {
  const server = await startPageServer()
  try {
    const pools = await registerPools(server)
    const job = await createJob(server, pools, 'nightly', 'web')
    const run = await server.plane.runs.start({ job: job.id }, { kind: 'system', id: '', name: 'test' })
    const ended = new Promise<void>((resolve) => {
      const stop = server.plane.onEvent((event) => {
        if (event.kind !== 'run' || event.run.id !== run.id || event.run.endedAt === null) return
        stop()
        resolve()
      })
    })
    if ((await server.plane.runs.get(run.id)).endedAt === null) await ended
    const [target] = job.targets
    const [vm] = job.selection.include
    assert.ok(target && vm?.kind === 'vm')
    return { server, job: job.id, run: run.id, pool: pools[0], replica: `/replicas/${target.pool}/${target.sr}/${vm.vm}` }
  } catch (error) {
    await server.close()
    throw error
  }
}
