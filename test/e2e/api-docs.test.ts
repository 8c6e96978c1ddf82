/** The interactive documentation of the API in a browser: it works under the page's policy, and asks no other address. */
import { test } from 'node:test'
import { startBrowser } from '../support/browser.ts'
import { needs } from '../support/programs.ts'
import { serverForPools } from '../support/running-server.ts'

test(
  'every route is shown and can be tried, with nothing inline, nothing from elsewhere and no error on the console',
  needs('chromium'),
  async (t) => {
    const server = await serverForPools({ tls: { kind: 'none' } })
    t.after(() => server.close())
    const browser = await startBrowser()
    t.after(() => browser.close())
    const page = await browser.open(`${server.url}/api/v1/docs`)
    await page.waitForSelector('.opblock-tag')
    for (const tag of await page.locator('.opblock-tag').all()) await tag.click()
    const document = (await (
      await fetch(`${server.url}/api/v1/openapi.json`, { headers: { authorization: `Bearer ${server.token}` } })
    ).json()) as {
      paths: Record<string, object>
    }
    const routes = Object.values(document.paths).reduce((sum, path) => sum + Object.keys(path).length, 0)
    await page.waitForFunction(`document.querySelectorAll('.opblock').length === ${routes}`)
    // One that needs no sign-in.
    const operation = page.locator('.opblock-get', { hasText: '/api/v1/server' }).first()
    await operation.locator('.opblock-summary-control').first().click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    await operation.locator('.live-responses-table').waitFor()
    browser.assertClean()
  },
)
