/** What people do on the page again and again. */
import type { Page } from 'playwright-core'
import type { ScheduleSpec } from '../../src/core/control/job.ts'
import type { StartedPool } from './lab.ts'
import { ADMINISTRATOR, type PageServer } from './page-server.ts'
import { loginOf, until } from './server-pools.ts'

export async function signIn(page: Page, who: { readonly name: string; readonly password: string } = ADMINISTRATOR): Promise<void> {
  await page.getByRole('textbox', { name: 'User' }).fill(who.name)
  await page.getByRole('textbox', { name: 'Password' }).fill(who.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
}

/** From the opened form to the pool in the list. */
export async function fillPoolForm(page: Page, pool: StartedPool): Promise<void> {
  const form = page.getByRole('dialog')
  await form.getByRole('textbox', { name: 'Address of the pool master' }).fill(pool.url.replace('https://', ''))
  await form.getByRole('textbox', { name: 'User' }).fill(pool.user)
  await form.getByRole('textbox', { name: 'Password' }).fill(pool.password)
  await form.getByRole('button', { name: 'Look at its certificate' }).click()
}

export const hourly: ScheduleSpec = {
  name: 'hourly',
  enabled: true,
  timing: { kind: 'interval', minutes: 60 },
  retention: { last: 3 },
  settings: {},
}

/** Both pools of the lab, registered past the page; their ids. */
export async function registerPools({ plane, lab }: PageServer): Promise<readonly [source: string, target: string]> {
  const ids: string[] = []
  let seen = 0
  const stop = plane.onEvent(({ kind }) => {
    if (kind === 'inventory') seen++
  })
  for (const pool of lab.pools) ids.push((await plane.pools.add(loginOf(pool))).id)
  await until('both pools are seen', () => seen >= lab.pools.length)
  stop()
  return [ids[0] as string, ids[1] as string]
}

/** The first VM of the source, to the first usable SR of the target. */
export async function createJob({ plane }: PageServer, pools: readonly [string, string], name: string, vmName: string) {
  const [source, target] = pools
  const vm = (await plane.pools.inventory(source)).vms.find((one) => one.name === vmName)
  const sr = (await plane.pools.inventory(target)).srs.find(({ usable }) => usable)
  if (vm === undefined || sr === undefined) throw new Error(`no VM ${vmName}, or no storage`)
  const selection = { include: [{ kind: 'vm', pool: source, vm: vm.uuid } as const], exclude: [] }
  return await plane.jobs.create({
    name,
    enabled: true,
    selection,
    targets: [{ pool: target, sr: sr.uuid }],
    settings: {},
    schedules: [hourly],
  })
}
