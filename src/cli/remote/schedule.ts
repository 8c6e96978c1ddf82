/** `understudy schedule`: when jobs run, and what they keep. */
import type { Job, Schedule, ScheduleSpec } from '../../core/control/job.ts'
import { UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { retentionOf, SCHEDULE_OPTIONS, SETTING_OPTIONS, scheduleOf, settingsOf, timingOf } from './job-arguments.ts'
import { retentionText, timingText } from './job-text.ts'
import { findJob, findSchedule } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { type Column, table, terminalWidth } from './table.ts'
import { when } from './times.ts'

const JOB = { name: 'JOB', completes: 'job' } as const
const SCHEDULE = [JOB, { name: 'SCHEDULE', completes: 'schedule' }] as const

const noun: Noun = {
  name: 'schedule',
  summary: 'schedules of jobs: when they run, and which restore points stay',
  actions: {
    list: { summary: 'schedules of a job, or of all', positionals: [{ ...JOB, optional: true }], run: list },
    add: {
      summary: 'add a schedule to a job',
      positionals: [JOB],
      options: {
        name: { value: 'NAME', help: 'its name (made of its times)' },
        ...SCHEDULE_OPTIONS,
        disabled: { help: 'it does not run before it is enabled' },
        ...SETTING_OPTIONS,
      },
      notes: 'Settings given here outweigh those of the job.',
      run: add,
    },
    edit: {
      summary: 'change a schedule',
      positionals: SCHEDULE,
      options: {
        name: { value: 'NAME', help: 'its new name' },
        ...SCHEDULE_OPTIONS,
        ...SETTING_OPTIONS,
        usual: { value: 'SETTING', multiple: true, help: "back to the job's value: a name that show gives, such as verify" },
      },
      run: edit,
    },
    enable: { summary: 'let a schedule run', positionals: SCHEDULE, run: (context, given) => setEnabled(context, given, true) },
    disable: { summary: 'keep a schedule from running', positionals: SCHEDULE, run: (context, given) => setEnabled(context, given, false) },
    remove: { summary: 'remove a schedule; its restore points stay', positionals: SCHEDULE, run: remove },
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const named = given.optional('JOB')
  const jobs = named === undefined ? await api.jobs.list() : [await findJob(api, named)]
  const next = new Map((await api.jobs.upcoming()).map(({ schedule, at }) => [schedule, at]))
  const now = Date.now()
  const rows = jobs.flatMap((job) => job.schedules.map((schedule) => ({ job, schedule })))
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: 'JOB', value: ({ job }) => job.name, shrinks: true },
    { title: 'SCHEDULE', value: ({ schedule }) => schedule.name, shrinks: true },
    { title: 'ENABLED', value: ({ job, schedule }) => (!schedule.enabled ? 'no' : job.enabled ? 'yes' : 'job disabled'), state: true },
    { title: 'WHEN', value: ({ schedule }) => timingText(schedule.timing), shrinks: true },
    { title: 'KEEPS', value: ({ schedule }) => retentionText(schedule.retention), shrinks: true },
    { title: 'NEXT RUN', value: ({ schedule }) => when(next.get(schedule.id), now, context.wide) },
    { title: 'ID', value: ({ schedule }) => schedule.id, wide: true },
  ]
  context.show(
    rows.map(({ job, schedule }) => ({ job: job.id, ...schedule, nextAt: next.get(schedule.id) ?? null })),
    () => (rows.length === 0 ? 'There is no schedule.' : table(rows, columns, { wide: context.wide, width: terminalWidth() })),
  )
  return 0
}

function shown(context: Context, job: Job, schedule: Schedule): number {
  context.show(
    schedule,
    () => `Schedule ${schedule.name} of job ${job.name}: ${timingText(schedule.timing)}, keeps ${retentionText(schedule.retention)}.`,
  )
  return 0
}

async function add(context: Context, given: Given): Promise<number> {
  const spec = { ...scheduleOf(given, '', !given.flag('disabled')), settings: settingsOf(given) }
  const api = await context.api()
  const job = await findJob(api, given.argument('JOB'))
  return shown(context, job, await api.jobs.addSchedule(job.id, { ...spec, name: given.text('name') ?? timingText(spec.timing) }))
}

async function edit(context: Context, given: Given): Promise<number> {
  const [name, keep, timing, settings] = [given.text('name'), given.text('keep'), timingOf(given), settingsOf(given)]
  const { api, job, schedule } = await meant(context, given)
  const usual = given.list('usual')
  const unknown = usual.find((each) => !Object.hasOwn(schedule.settings, each))
  if (unknown !== undefined) throw new UsageError(`--usual: the schedule has no setting '${unknown}' of its own`)
  const kept = Object.fromEntries(Object.entries(schedule.settings).filter(([each]) => !usual.includes(each)))
  const change: Partial<ScheduleSpec> = {
    ...(name === undefined ? {} : { name }),
    ...(timing === undefined ? {} : { timing }),
    ...(keep === undefined ? {} : { retention: retentionOf(keep) }),
    ...(Object.keys(settings).length === 0 && usual.length === 0 ? {} : { settings: { ...kept, ...settings } }),
  }
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was named')
  return shown(context, job, await api.jobs.updateSchedule(job.id, schedule.id, change))
}

async function meant(context: Context, given: Given): Promise<{ readonly api: RemoteApi; readonly job: Job; readonly schedule: Schedule }> {
  const api = await context.api()
  const job = await findJob(api, given.argument('JOB'))
  return { api, job, schedule: findSchedule(job, given.argument('SCHEDULE')) }
}

async function setEnabled(context: Context, given: Given, enabled: boolean): Promise<number> {
  const { api, job, schedule } = await meant(context, given)
  const changed = await api.jobs.updateSchedule(job.id, schedule.id, { enabled })
  const without = enabled && !job.enabled ? ' The job itself is disabled.' : ''
  context.show(changed, () => `Schedule ${changed.name} of job ${job.name} is ${enabled ? 'enabled' : 'disabled'}.${without}`)
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const { api, job, schedule } = await meant(context, given)
  await api.jobs.removeSchedule(job.id, schedule.id)
  context.show({ id: schedule.id }, () => `Schedule ${schedule.name} of job ${job.name} was removed; its restore points stay.`)
  return 0
}
