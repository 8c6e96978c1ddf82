/** `understudy job`: which VMs are replicated to where. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Job, JobSpec, Schedule, ScheduleSpec, Selection } from '../../core/control/job.ts'
import type { JobsDocument } from '../../jobs/control-plane.ts'
import { askOnTerminal } from '../ask-trust.ts'
import { CommandFailure, UsageError } from '../command.ts'
import { formatBytes } from '../sizes.ts'
import type { Noun } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import {
  SCHEDULE_OPTIONS,
  SELECTION_OPTIONS,
  SETTING_OPTIONS,
  scheduleOf,
  selectionOf,
  settingsOf,
  TARGET_OPTIONS,
  targetsOf,
} from './job-arguments.ts'
import { jobText, selectionText, timingText } from './job-text.ts'
import { findJob, inventoriesOf, type Named, type Names, namesOf } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { wholeInput } from './secrets.ts'
import { START_NOTES, START_OPTIONS, startRun } from './start-run.ts'
import { type Column, table, terminalWidth } from './table.ts'
import { when } from './times.ts'
import { watching } from './watching.ts'

const JOB = [{ name: 'JOB', completes: 'job' }] as const

const noun: Noun = {
  name: 'job',
  summary: 'jobs: which VMs are replicated to where, and when',
  actions: {
    list: {
      summary: 'all jobs, with their next run',
      options: { watch: { help: 'stay, and show every change' } },
      run: (context, given) => watching(context, given, ['job', 'job-removed', 'run'], (api) => listJobs(context, api)),
    },
    show: { summary: 'one job with its schedules', positionals: JOB, run: show },
    create: {
      summary: 'make a job',
      positionals: [{ name: 'NAME' }],
      options: {
        ...SELECTION_OPTIONS,
        ...TARGET_OPTIONS,
        ...SCHEDULE_OPTIONS,
        'schedule-name': { value: 'NAME', help: 'name of the schedule (made of its times)' },
        disabled: { help: 'nothing runs before the job is enabled, except by hand' },
        ...SETTING_OPTIONS,
      },
      notes: "Without --every and --cron the job has no schedule: it runs by hand, or after 'understudy schedule add'.",
      run: create,
    },
    edit: {
      summary: 'change a job',
      positionals: JOB,
      options: {
        name: { value: 'NAME', help: 'its new name' },
        ...SELECTION_OPTIONS,
        ...TARGET_OPTIONS,
        ...SETTING_OPTIONS,
        usual: { value: 'SETTING', multiple: true, help: 'back to the usual value: a name that show gives, such as verify' },
      },
      notes:
        'What is given replaces what was: all that the job includes by --vm, --tag, --pattern and --all-of together, all that it excludes, all of\nits targets. The rest stays as it is.',
      run: edit,
    },
    clone: {
      summary: 'make a job like another, disabled, with ids of its own',
      positionals: [...JOB, { name: 'NAME' }],
      run: clone,
    },
    enable: { summary: 'let the schedules of a job run', positionals: JOB, run: (context, given) => setEnabled(context, given, true) },
    disable: {
      summary: 'let no schedule of a job run; what runs goes on',
      positionals: JOB,
      run: (context, given) => setEnabled(context, given, false),
    },
    remove: {
      summary: 'remove a job; its replicas stay on the targets',
      positionals: JOB,
      options: { yes: { help: 'without asking' } },
      run: remove,
    },
    run: {
      summary: 'run a job by hand: whole, one schedule of it, or some of its VMs',
      positionals: JOB,
      options: START_OPTIONS,
      notes: START_NOTES,
      run: startRun,
    },
    preview: {
      summary: 'VMs that a job, or a choice of VMs, means at this moment',
      positionals: [{ ...JOB[0], optional: true }],
      options: SELECTION_OPTIONS,
      run: preview,
    },
    export: {
      summary: 'jobs as a JSON document, all of them or some',
      positionals: [{ ...JOB[0], optional: true, repeated: true }],
      options: { output: { value: 'FILE', help: 'write it there instead of to standard output', completes: 'file' } },
      run: exportJobs,
    },
    import: {
      summary: 'make jobs of such a document',
      positionals: [{ name: 'FILE', completes: 'file' }],
      options: { replace: { help: 'jobs that are here already, by their ids, become as the document has them' } },
      notes: 'FILE may be - for standard input. Ids are kept, so that chains of restore points go on.',
      run: importJobs,
    },
  },
}

export const command = nounCommand(noun)
export { noun }

async function listJobs(context: Context, api: RemoteApi) {
  const [jobs, upcoming] = await Promise.all([api.jobs.list(), api.jobs.upcoming()])
  const look = context.json ? undefined : await lookup(api)
  const now = Date.now()
  const next = (job: Job) => upcoming.flatMap((each) => (each.job === job.id && each.at !== null ? [each.at] : [])).sort()[0]
  return {
    value: jobs.map((job) => ({ ...job, nextAt: next(job) ?? null })),
    text: () => {
      const { names, vmName } = look as Lookup
      const columns: readonly Column<Job>[] = [
        { title: 'NAME', value: ({ name }) => name, shrinks: true },
        { title: 'ENABLED', value: ({ enabled }) => (enabled ? 'yes' : 'no'), state: true },
        { title: 'VMS', value: ({ selection }) => selectionText(selection, names, vmName), shrinks: true },
        { title: 'TARGETS', value: ({ targets }) => targets.map((each) => names.target(each)).join(', '), shrinks: true },
        { title: 'SCHEDULES', value: ({ schedules }) => schedules.map(({ timing }) => timingText(timing)).join(', '), shrinks: true },
        { title: 'NEXT RUN', value: (job) => when(next(job), now, context.wide) },
        { title: 'ID', value: ({ id }) => id, wide: true },
      ]
      return jobs.length === 0
        ? "There is no job yet: 'understudy job create --help' tells how to make one."
        : table(jobs, columns, { wide: context.wide, width: terminalWidth() })
    },
  }
}

interface Lookup {
  readonly names: Names
  readonly vmName: (pool: string, vm: string) => string | undefined
}

async function lookup(api: RemoteApi): Promise<Lookup> {
  const inventories = inventoriesOf(api)
  const [pools, seen] = await Promise.all([api.pools.list(), inventories.all()])
  const names = new Map(seen.flatMap(({ pool, inventory }) => inventory.vms.map((vm) => [`${pool.id}/${vm.uuid}`, vm.name])))
  return { names: await namesOf(inventories, pools), vmName: (pool, vm) => names.get(`${pool}/${vm}`) }
}

async function show(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  return await showJob(context, api, await findJob(api, given.argument('JOB')))
}

async function showJob(context: Context, api: RemoteApi, job: Job): Promise<number> {
  if (context.json) {
    context.show(job, () => '')
    return 0
  }
  const [{ names, vmName }, upcoming] = await Promise.all([lookup(api), api.jobs.upcoming()])
  const next = new Map(upcoming.map(({ schedule, at }) => [schedule, at]))
  context.show(job, () => jobText(job, names, vmName, next, context.wide))
  return 0
}

async function create(context: Context, given: Given): Promise<number> {
  const enabled = !given.flag('disabled')
  const scheduled = given.text('every') !== undefined || given.text('cron') !== undefined
  for (const option of ['keep', 'schedule-name', 'time-zone']) {
    if (!scheduled && given.text(option) !== undefined) throw new UsageError(`--${option} goes with --every or --cron`)
  }
  const settings = settingsOf(given)
  const schedule = scheduled ? scheduleOf(given, '', true) : undefined
  const api = await context.api()
  const inventories = inventoriesOf(api)
  const selection = await selectionOf(api, inventories, given)
  if (selection.include === undefined) throw new UsageError('which VMs? give --vm, --tag, --pattern or --all-of')
  const targets = await targetsOf(inventories, given)
  if (targets.length === 0) throw new UsageError('where to? give --to SR')
  const spec: JobSpec & { schedules: ScheduleSpec[] } = {
    name: given.argument('NAME'),
    enabled,
    selection: { include: selection.include, exclude: selection.exclude ?? [] },
    targets,
    settings,
    schedules: schedule === undefined ? [] : [{ ...schedule, name: given.text('schedule-name') ?? timingText(schedule.timing) }],
  }
  return await showJob(context, api, await api.jobs.create(spec))
}

async function edit(context: Context, given: Given): Promise<number> {
  const settings = settingsOf(given)
  const api = await context.api()
  const job = await findJob(api, given.argument('JOB'))
  const inventories = inventoriesOf(api)
  const selection = await selectionOf(api, inventories, given)
  const targets = await targetsOf(inventories, given)
  const usual = given.list('usual')
  const kept = Object.fromEntries(Object.entries(job.settings).filter(([name]) => !usual.includes(name)))
  const unknown = usual.find((name) => !Object.hasOwn(job.settings, name))
  if (unknown !== undefined) throw new UsageError(`--usual: the job has no setting '${unknown}' of its own`)
  const name = given.text('name')
  const changedSelection: Selection = { ...job.selection, ...selection }
  const change: Partial<JobSpec> = {
    ...(name === undefined ? {} : { name }),
    ...(Object.keys(selection).length === 0 ? {} : { selection: changedSelection }),
    ...(targets.length === 0 ? {} : { targets }),
    ...(Object.keys(settings).length === 0 && usual.length === 0 ? {} : { settings: { ...kept, ...settings } }),
  }
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was named')
  return await showJob(context, api, await api.jobs.update(job.id, change, job.version))
}

async function clone(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { selection, targets, settings, schedules } = await findJob(api, given.argument('JOB'))
  const specs = schedules.map(({ id: _, ...spec }: Schedule): ScheduleSpec => spec)
  return await showJob(
    context,
    api,
    await api.jobs.create({ name: given.argument('NAME'), enabled: false, selection, targets, settings, schedules: specs }),
  )
}

async function setEnabled(context: Context, given: Given, enabled: boolean): Promise<number> {
  const api = await context.api()
  const job = await findJob(api, given.argument('JOB'))
  const changed = await api.jobs.update(job.id, { enabled }, job.version)
  context.show(changed, () => `Job ${changed.name} is ${enabled ? 'enabled' : 'disabled'}.`)
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const job = await findJob(api, given.argument('JOB'))
  if (!given.flag('yes') && !(await askOnTerminal(`Remove the job ${job.name}? Its replicas stay.`, context.signal)))
    throw new CommandFailure(`job ${job.name} was not removed`, { hint: 'without a terminal give --yes' })
  const { replicasLeft } = await api.jobs.remove(job.id)
  context.show({ replicasLeft }, () =>
    [
      `Job ${job.name} was removed. ${replicasLeft.length} replicas stay on the targets.`,
      ...replicasLeft.map(({ vm, replica }) => `  ${vm.name}: ${replica}`),
    ].join('\n'),
  )
  return 0
}

async function preview(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const named = given.optional('JOB')
  const job = named === undefined ? undefined : await findJob(api, named)
  const asked = await selectionOf(api, inventoriesOf(api), given)
  if (!job && asked.include === undefined)
    throw new UsageError('of which job, or which VMs? give JOB, or --vm, --tag, --pattern or --all-of')
  const selection: Selection = { include: [], exclude: [], ...job?.selection, ...asked }
  const [found, pools] = await Promise.all([api.jobs.preview(selection), api.pools.list()])
  const poolName = (id: string) => pools.find((pool) => pool.id === id)?.name ?? id
  type Row = (typeof found.vms)[number] & { readonly reason?: { readonly text: string } }
  const columns: readonly Column<Row>[] = [
    { title: 'VM', value: ({ name }) => name, shrinks: true },
    { title: 'POOL', value: ({ pool }) => poolName(pool) },
    { title: 'IN USE', value: ({ bytesAllocated }) => (bytesAllocated === null ? '' : formatBytes(bytesAllocated)), right: true },
    { title: 'BY', value: ({ by }) => by, shrinks: true },
    { title: 'LEFT OUT', value: ({ reason }) => reason?.text ?? '', shrinks: true },
    { title: 'UUID', value: ({ vm }) => vm, wide: true },
  ]
  context.show(found, () => table<Row>([...found.vms, ...found.leftOut], columns, { wide: context.wide, width: terminalWidth() }))
  return 0
}

async function exportJobs(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const jobs = await api.jobs.list()
  const wanted = await Promise.all(given.all('JOB').map((text): Promise<Named> => findJob(api, text)))
  const document = await api.jobs.export(wanted.map(({ id }) => id))
  const text = `${JSON.stringify(document, undefined, 2)}\n`
  const file = given.text('output')
  if (file === undefined) process.stdout.write(text)
  else {
    await writeFile(file, text)
    context.show({ file, jobs: document.jobs.length }, () => `${document.jobs.length} of ${jobs.length} jobs were written to ${file}.`)
  }
  return 0
}

async function importJobs(context: Context, given: Given): Promise<number> {
  const file = given.argument('FILE')
  const text = await (file === '-' ? wholeInput() : readFile(file, 'utf8')).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`${file} can't be read: ${error.code ?? error.message}`)
  })
  let document: JobsDocument
  try {
    document = JSON.parse(text) as JobsDocument
  } catch {
    throw new CommandFailure(`${file} is no JSON`, { hint: "'understudy job export' writes such a document" })
  }
  if (document?.format !== 'understudy-jobs')
    throw new CommandFailure(`${file} is no document of jobs`, { hint: "'understudy job export' writes one" })
  const api = await context.api()
  const { items } = await api.jobs.import(document, given.flag('replace'))
  context.show(items, () => items.map(({ name, id }) => `${name}  ${id}\n`).join('') || 'The document holds no jobs.')
  return 0
}
