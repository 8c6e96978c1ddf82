/** `understudy settings`: limits of the server as a whole, what is kept, and maintenance windows. */
import { randomUUID } from 'node:crypto'
import { SETTING_LIMITS } from '../../core/control/check-settings.ts'
import type { MaintenanceWindow, ServerSettings } from '../../core/control/settings.ts'
import { UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { find, findJob, findPool } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { timeOption } from './run.ts'
import { type Column, facts, table, terminalWidth } from './table.ts'
import { parseMinutes, when } from './times.ts'

const noun: Noun = {
  name: 'settings',
  summary: 'settings of the server: limits, what is kept, maintenance windows',
  actions: {
    show: { summary: 'settings and maintenance windows', run: show },
    set: {
      summary: 'change settings',
      options: {
        'vm-runs-per-pool': { value: 'N', help: 'VM runs at once that read from or write to a pool' },
        'vm-runs-per-sr': { value: 'N', help: 'VM runs at once that write to a storage repository' },
        'vm-runs-at-once': { value: 'N', help: 'VM runs at once altogether' },
        'keep-runs': { value: 'DAYS', help: 'days that finished runs are kept' },
        'keep-details': { value: 'DAYS', help: 'days that plans, reports and logs of VM runs that succeeded are kept' },
        'keep-audit': { value: 'DAYS', help: 'days that the audit log is kept' },
        'daily-report': { value: 'HH:MM', help: "when the daily report is sent, in the server's time; off: none" },
      },
      run: set,
    },
    'add-maintenance': {
      summary: 'let no run begin for a while; what runs goes on',
      positionals: [{ name: 'NAME' }],
      options: {
        from: { value: 'TIME', help: 'when it begins: 2026-11-23T22:00 (now)' },
        until: { value: 'TIME', help: 'when it ends' },
        for: { value: 'TIME', help: 'or how long it lasts: 2h' },
        job: { value: 'JOB', help: 'only this job', completes: 'job' },
        pool: { value: 'POOL', help: 'only runs from or to this pool', completes: 'pool' },
      },
      run: addMaintenance,
    },
    'remove-maintenance': { summary: 'end or drop a maintenance window', positionals: [{ name: 'NAME' }], run: removeMaintenance },
  },
}

export const command = nounCommand(noun)
export { noun }

function shown(context: Context, settings: ServerSettings): number {
  const now = Date.now()
  const columns: readonly Column<MaintenanceWindow>[] = [
    { title: 'MAINTENANCE', value: ({ name }) => name, shrinks: true },
    { title: 'FROM', value: ({ from }) => when(from, now, true) },
    { title: 'UNTIL', value: ({ until }) => when(until, now, true) },
    { title: 'JOB', value: ({ job }) => job ?? 'all' },
    { title: 'POOL', value: ({ pool }) => pool ?? 'all' },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  context.show(settings, () => {
    const text = facts([
      ['VM runs per pool', String(settings.vmRunsPerPool)],
      ['VM runs per SR', String(settings.vmRunsPerSr)],
      ['VM runs at once', String(settings.vmRunsAtOnce)],
      ['Runs are kept', `${settings.keepRunsDays} days`],
      ['Details of successes are kept', `${settings.keepDetailsDays} days`],
      ['Audit log is kept', `${settings.keepAuditDays} days`],
      ['Daily report', settings.dailyReportAt ?? 'off'],
    ])
    return settings.maintenance.length === 0
      ? text
      : `${text}\n${table(settings.maintenance, columns, { wide: context.wide, width: terminalWidth() })}`
  })
  return 0
}

async function show(context: Context): Promise<number> {
  return shown(context, await (await context.api()).settings.get())
}

async function set(context: Context, given: Given): Promise<number> {
  const report = given.text('daily-report')
  if (report !== undefined && report !== 'off' && !/^([01]\d|2[0-3]):[0-5]\d$/.test(report))
    throw new UsageError(`--daily-report takes a time such as 07:30, or off, not '${report}'`)
  const numbers = {
    vmRunsPerPool: given.number('vm-runs-per-pool', ...SETTING_LIMITS.vmRunsPerPool),
    vmRunsPerSr: given.number('vm-runs-per-sr', ...SETTING_LIMITS.vmRunsPerSr),
    vmRunsAtOnce: given.number('vm-runs-at-once', ...SETTING_LIMITS.vmRunsAtOnce),
    keepRunsDays: given.number('keep-runs', ...SETTING_LIMITS.keepRunsDays),
    keepDetailsDays: given.number('keep-details', ...SETTING_LIMITS.keepDetailsDays),
    keepAuditDays: given.number('keep-audit', ...SETTING_LIMITS.keepAuditDays),
  }
  const change: Partial<ServerSettings> = {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    ...(report === undefined ? {} : { dailyReportAt: report === 'off' ? null : report }),
  }
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was named')
  return shown(context, await (await context.api()).settings.change(change))
}

async function addMaintenance(context: Context, given: Given): Promise<number> {
  const from = timeOption(given, 'from') ?? new Date().toISOString()
  const lasts = given.text('for')
  const minutes = lasts === undefined ? undefined : parseMinutes(lasts)
  if (lasts !== undefined && minutes === undefined) throw new UsageError(`--for takes a time such as 30m, 2h or 1d, not '${lasts}'`)
  const until = minutes === undefined ? timeOption(given, 'until') : new Date(Date.parse(from) + minutes * 60_000).toISOString()
  if (until === undefined) throw new UsageError('until when? give --until TIME or --for TIME')
  if (Date.parse(until) <= Date.parse(from)) throw new UsageError('--until is not after --from')
  const api = await context.api()
  const [job, pool] = [given.text('job'), given.text('pool')]
  const { maintenance } = await api.settings.get()
  const window: MaintenanceWindow = {
    id: randomUUID(),
    name: given.argument('NAME'),
    job: job === undefined ? null : (await findJob(api, job)).id,
    pool: pool === undefined ? null : (await findPool(api, pool)).id,
    from,
    until,
  }
  return shown(context, await api.settings.change({ maintenance: [...maintenance, window] }))
}

async function removeMaintenance(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { maintenance } = await api.settings.get()
  const gone = find('maintenance window', maintenance, given.argument('NAME'))
  return shown(context, await api.settings.change({ maintenance: maintenance.filter(({ id }) => id !== gone.id) }))
}
