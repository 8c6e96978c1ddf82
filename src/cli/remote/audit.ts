/** `understudy audit`: who did what. */
import type { AuditEntry } from '../../core/control/audit.ts'
import type { Noun } from './action.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { nounCommand } from './noun-command.ts'
import { timeOption } from './run.ts'
import { type Column, table, terminalWidth } from './table.ts'
import { when } from './times.ts'

const noun: Noun = {
  name: 'audit',
  summary: 'the audit log: who did what, when and from where',
  actions: {
    list: {
      summary: 'entries, newest first',
      options: {
        actor: { value: 'NAME', help: 'only of this user, or the id of a token' },
        action: { value: 'ACTION', help: 'only this action, such as job.create' },
        object: { value: 'ID', help: 'only what was done to this' },
        since: { value: 'TIME', help: 'only after: 2026-11-23, or 2d: so long ago' },
        until: { value: 'TIME', help: 'only before' },
        limit: { value: 'N', help: 'at most so many (50)' },
      },
      run: list,
    },
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context, given: Given): Promise<number> {
  const query = {
    action: given.text('action'),
    object: given.text('object'),
    since: timeOption(given, 'since'),
    until: timeOption(given, 'until'),
  }
  const most = given.number('limit', 1, 1_000_000) ?? 50
  const api = await context.api()
  const name = given.text('actor')
  const user = name === undefined ? undefined : (await api.users.list()).find((each) => each.name === name || each.id === name)
  const entries = await api.audit({ ...query, actor: user?.id ?? name }, most)
  const now = Date.now()
  const columns: readonly Column<AuditEntry>[] = [
    { title: 'WHEN', value: ({ at }) => when(at, now, context.wide) },
    { title: 'WHO', value: ({ actor }) => actor.name || actor.kind, shrinks: true },
    { title: 'FROM', value: ({ address }) => address },
    { title: 'ACTION', value: ({ action }) => action },
    {
      title: 'OBJECT',
      value: ({ object }) => (object.kind === '' ? '' : `${object.kind} ${context.wide ? object.id : object.id.slice(0, 8)}`),
    },
    { title: 'OUTCOME', value: ({ outcome }) => outcome },
    { title: 'DETAILS', value: ({ details }) => JSON.stringify(details), wide: true },
  ]
  context.show(entries, () =>
    entries.length === 0 ? 'There is no such entry.' : table(entries, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}
