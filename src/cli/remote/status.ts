/** `understudy status`: is everything as it should be? */
import type { Action } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { actionCommand } from './noun-command.ts'
import { runColumns } from './run-text.ts'
import { facts, table, terminalWidth } from './table.ts'
import { when } from './times.ts'

export const status: Action = {
  summary: 'one look at a server: pools, protection, runs under way, open alerts; exit code 1 when something is wrong',
  run: show,
}

export const command = actionCommand('status', status)

async function look(api: RemoteApi) {
  const [pools, protection, running, alerts] = await Promise.all([
    api.pools.list(),
    api.replicas.counts(),
    api.runs.list({ state: ['queued', 'running'] }, 100),
    api.notifications.alerts({ open: true }, 100),
  ])
  const trouble = pools.filter(({ state }) => state === 'away' || state === 'refused')
  return { pools, protection, running, alerts, ok: trouble.length === 0 && alerts.length === 0 && protection.missed === 0 }
}

async function show(context: Context): Promise<number> {
  const api = await context.api()
  const seen = await look(api)
  const now = Date.now()
  context.show({ url: api.url, ...seen }, () => {
    const head = facts([
      ['Server', api.url],
      ['Pools', seen.pools.map(({ name, state }) => `${name} ${state}`).join(', ') || 'none'],
      [
        'VMs',
        Object.entries(seen.protection)
          .filter(([, count]) => count > 0)
          .map(([state, count]) => `${count} ${state}`)
          .join(', ') || 'none',
      ],
      ['Under way', `${seen.running.length} runs`],
      ['Alerts', seen.alerts.length === 0 ? 'none' : String(seen.alerts.length)],
    ])
    const runs =
      seen.running.length === 0
        ? ''
        : `\n${table(seen.running, runColumns(now, context.wide), { wide: context.wide, width: terminalWidth() })}`
    const alerts = seen.alerts
      .map(({ openedAt, subject, hint }) => `! ${subject} (since ${when(openedAt, now, context.wide)})\n  ${hint}\n`)
      .join('')
    return `${head}${runs}${alerts === '' ? '' : `\n${alerts}`}`
  })
  return seen.ok ? 0 : 1
}
