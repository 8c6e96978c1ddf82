/** Five thousand VMs in the page's lists: an API that has them stands in front of a server that does not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { fakeProtection, paged } from '../support/fake-control-plane.ts'
import { signIn } from '../support/on-page.ts'
import { type PageServer, startPageServer } from '../support/page-server.ts'
import { missingPrograms, needs } from '../support/programs.ts'

const COUNT = 5000
/** Rows in sight, and some above and below; the rest of the list is not in the document. */
const MOST_ROWS = 120

let server: PageServer
let browser: TestBrowser
let page: Page

before(async () => {
  if (missingPrograms(['chromium']).length > 0) return
  server = await startPageServer()
  browser = await startBrowser()
  page = await browser.open(server.url)
  await signIn(page)
  const protections = Array.from({ length: COUNT }, (_, nth) => {
    const state = nth % 50 === 0 ? 'missed' : nth % 17 === 0 ? 'at-risk' : 'protected'
    return fakeProtection(state, `vm-${String(nth).padStart(4, '0')}`)
  })
  await page.route('**/api/v1/protections?*', (route) => {
    const query = new URL(route.request().url()).searchParams
    const after = query.get('after')
    return route.fulfill({ json: paged(protections, { limit: Number(query.get('limit')), ...(after === null ? {} : { after }) }) })
  })
})
after(async () => {
  await browser?.close()
  await server?.close()
})

interface Frames {
  readonly rows: number
  readonly frames: readonly number[]
}

/** Scrolls the list from top to bottom, a screenful a frame; the most rows that were in the document at once, and how long frames took. */
const SCROLL = `(async () => {
  const list = document.querySelector('section[aria-label="Replicas"]')
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const frames = []
  let rows = 0
  let before = await frame()
  for (let top = 0; top < list.scrollHeight; top += list.clientHeight) {
    list.scrollTop = top
    const now = await frame()
    frames.push(now - before)
    before = now
    rows = Math.max(rows, list.querySelectorAll('tbody tr').length)
  }
  await frame()
  return { rows, frames }
})()`

test(`a list of ${COUNT} VMs scrolls through to its end with few rows in the document`, needs('chromium'), async (t) => {
  await page.goto(`${server.url}/replicas`)
  await page.getByRole('link', { name: 'vm-0000' }).waitFor()
  const list = page.getByRole('region', { name: 'Replicas' })
  assert.equal(await list.getByRole('table').getAttribute('aria-rowcount'), String(COUNT + 1))
  const { rows, frames } = (await page.evaluate(SCROLL)) as Frames
  await page.getByRole('link', { name: `vm-${COUNT - 1}` }).waitFor()
  assert.ok(rows < MOST_ROWS, `${rows} rows at once`)
  const sorted = frames.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] as number).toFixed(1)
  t.diagnostic(
    `${frames.length} screenfuls: frames ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (longest); ${rows} rows at most`,
  )
})

test('it is narrowed by name, and by keyboard its end is reached', needs('chromium'), async () => {
  await page.goto(`${server.url}/replicas`)
  await page.getByRole('link', { name: 'vm-0000' }).waitFor()
  await page.getByRole('region', { name: 'Replicas' }).focus()
  await page.keyboard.press('End')
  await page.getByRole('link', { name: `vm-${COUNT - 1}` }).waitFor()
  await page.getByRole('textbox', { name: 'Search VMs' }).fill('vm-4321')
  await page.getByRole('link', { name: 'vm-4321' }).waitFor()
  assert.equal(await page.getByRole('region', { name: 'Replicas' }).getByRole('row').count(), 2)
})

test('nothing of it broke the page', needs('chromium'), () => browser.assertClean())
