/** Debian's Chromium for tests of the page; each page that a test opens is watched for what must never happen. */
import assert from 'node:assert/strict'
import AxeBuilder from '@axe-core/playwright'
import { type Browser, chromium, type Page } from 'playwright-core'
import { programPath } from './programs.ts'

/** A slow machine takes long for what a browser does; nothing here waits that long unless it fails. */
export const PATIENCE_MS = 60_000

export interface TestBrowser {
  readonly browser: Browser
  /** A page with a profile of its own, in English. */
  open(url: string, look?: { readonly width?: number; readonly height?: number; readonly dark?: boolean }): Promise<Page>
  /** Fails with each violation of the page's policy, error on the console and request to another address since the start. */
  assertClean(): void
  close(): Promise<void>
}

export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = programPath('chromium')
  assert.ok(executablePath, 'there is no chromium')
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const bad: string[] = []
  return {
    browser,
    async open(url, { width = 1280, height = 860, dark = false } = {}) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        reducedMotion: 'reduce',
      })
      context.setDefaultTimeout(PATIENCE_MS)
      const page = await context.newPage()
      page.on('pageerror', (error) => bad.push(`error: ${error.stack ?? error.message}`))
      page.on('console', (message) => {
        // The browser itself tells of each answer that is an error; those the page shows.
        if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) bad.push(`console: ${message.text()}`)
      })
      page.on('request', (request) => {
        const other = new URL(request.url())
        if (other.protocol.startsWith('http') && other.origin !== new URL(url).origin) bad.push(`asked ${request.url()}`)
      })
      await page.goto(url)
      return page
    },
    assertClean: () => assert.deepEqual(bad, []),
    async close() {
      await browser.close()
    },
  }
}

/** WCAG 2.2 A and AA by axe: each violation with where it is. */
export async function assertAccessible(page: Page, where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze()
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 300)).join(' | ')}`)
  assert.deepEqual(found, [], where)
}
