/** `understudy run`: what happened, what happens, and starting and stopping it by hand. */
import { ENDED_RUN_STATES, type Run, type RunState } from '../../core/control/run-record.ts'
import { UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { find, findJob, findSchedule } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { logText, runColumns, runText, vmRunText } from './run-text.ts'
import { FOLLOW_OPTIONS, follow, START_NOTES, START_OPTIONS, startRun } from './start-run.ts'
import { table, terminalWidth } from './table.ts'
import { parseTime } from './times.ts'
import { watching } from './watching.ts'

const STATES: readonly RunState[] = ['queued', 'running', ...ENDED_RUN_STATES]
const RUN = [{ name: 'RUN', completes: 'run' }] as const
const VM_RUN = [{ name: 'VM-RUN' }] as const

const noun: Noun = {
  name: 'run',
  summary: 'runs: what happened and what happens; start, watch and cancel',
  notes: 'RUN is an id, the beginning of one, or last: the newest. VM-RUN is the id of one VM in a run, as run show prints it.',
  actions: {
    list: {
      summary: 'runs, newest first',
      options: {
        job: { value: 'JOB', help: 'only of this job', completes: 'job' },
        schedule: { value: 'SCHEDULE', help: 'only of this schedule of it', completes: 'schedule' },
        vm: { value: 'UUID', help: 'only those of this VM' },
        state: { value: 'STATE', multiple: true, help: `only ${STATES.join(', ')}`, completes: STATES },
        since: { value: 'TIME', help: 'only begun after: 2026-11-23, 2026-11-23T14:00, or 2d: so long ago' },
        until: { value: 'TIME', help: 'only begun before' },
        limit: { value: 'N', help: 'at most so many (20)' },
        watch: { help: 'stay, and show every change' },
      },
      run: (context, given) => {
        const query = listQuery(given)
        const most = given.number('limit', 1, 100_000) ?? 20
        return watching(context, given, ['run'], (api) => listRuns(context, api, given, query, most))
      },
    },
    show: { summary: 'one run with its VMs', positionals: RUN, run: show },
    vm: { summary: 'one VM of a run: plan with reasons, report, log', positionals: VM_RUN, run: showVm },
    log: { summary: 'log of one VM of a run', positionals: VM_RUN, run: showLog },
    start: {
      summary: 'run a job by hand: whole, one schedule of it, or some of its VMs',
      positionals: [{ name: 'JOB', completes: 'job' }],
      options: START_OPTIONS,
      notes: START_NOTES,
      run: startRun,
    },
    watch: {
      summary: 'follow a run until it ends',
      positionals: RUN,
      options: { 'time-limit': FOLLOW_OPTIONS['time-limit'] },
      notes: START_NOTES.replace('With --watch or --wait the', 'The'),
      run: async (context, given) => {
        const minutes = given.number('time-limit', 1, 100_000)
        const api = await context.api()
        return await follow(context, api, (await findRun(api, given.argument('RUN'))).id, false, minutes)
      },
    },
    cancel: {
      summary: 'cancel a run, or one VM of it',
      positionals: RUN,
      options: { 'vm-run': { value: 'VM-RUN', help: 'only this VM; the rest of the run goes on' } },
      run: cancel,
    },
  },
}

export const command = nounCommand(noun)
export { noun }

function listQuery(given: Given): {
  readonly state: readonly string[]
  readonly since: string | undefined
  readonly until: string | undefined
} {
  const states = given.list('state')
  const wrong = states.find((each) => !(STATES as readonly string[]).includes(each))
  if (wrong !== undefined) throw new UsageError(`--state is one of ${STATES.join(', ')}, not '${wrong}'`)
  return { state: states, since: timeOption(given, 'since'), until: timeOption(given, 'until') }
}

export function timeOption(given: Given, option: string): string | undefined {
  const text = given.text(option)
  if (text === undefined) return undefined
  const at = parseTime(text, Date.now())
  if (at === undefined)
    throw new UsageError(`--${option} takes 2026-11-23, 2026-11-23T14:00, or a time ago such as 2d or 12h, not '${text}'`)
  return new Date(at).toISOString()
}

async function listRuns(context: Context, api: RemoteApi, given: Given, query: ReturnType<typeof listQuery>, most: number) {
  const [jobText, scheduleText] = [given.text('job'), given.text('schedule')]
  if (scheduleText !== undefined && jobText === undefined) throw new UsageError('--schedule goes with --job')
  const job = jobText === undefined ? undefined : await findJob(api, jobText)
  const schedule = job && scheduleText !== undefined ? findSchedule(job, scheduleText).id : undefined
  const runs = await api.runs.list({ ...query, job: job?.id, schedule, vm: given.text('vm') }, most)
  return {
    value: runs,
    text: () =>
      runs.length === 0
        ? 'There is no such run.'
        : table(runs, runColumns(Date.now(), context.wide), { wide: context.wide, width: terminalWidth() }),
  }
}

const RECENT = 500

/** A whole id is asked for as it is; anything shorter is looked for among the newest. */
async function findRun(api: RemoteApi, text: string): Promise<Run> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return await api.runs.get(text.toLowerCase())
  if (text === 'last') {
    const [newest] = await api.runs.list({}, 1)
    if (newest !== undefined) return newest
  }
  const runs = await api.runs.list({}, RECENT)
  return find(
    'run',
    runs.map((run) => ({ ...run, name: run.id })),
    text,
    "'understudy run list' shows the newest",
  )
}

async function show(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const run = await api.runs.get((await findRun(api, given.argument('RUN'))).id)
  context.show(run, () => runText(run, { wide: context.wide, width: terminalWidth() }))
  return 0
}

async function findVmRun(api: RemoteApi, text: string): Promise<string> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase()
  const vmRuns = await api.runs.vmRuns({}, RECENT)
  return find(
    'VM run',
    vmRuns.map(({ id }) => ({ id, name: id })),
    text,
    "'understudy run show RUN' prints their ids",
  ).id
}

async function showVm(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const vmRun = await api.runs.vmRun(await findVmRun(api, given.argument('VM-RUN')))
  context.show(vmRun, () => vmRunText(vmRun, context.wide))
  return 0
}

async function showLog(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const vmRun = await api.runs.vmRun(await findVmRun(api, given.argument('VM-RUN')))
  context.show(vmRun.log, () => logText(vmRun))
  return 0
}

async function cancel(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const run = await findRun(api, given.argument('RUN'))
  const vmRun = given.text('vm-run')
  if (vmRun === undefined) {
    const told = await api.runs.cancel(run.id)
    context.show(told, () => `Run ${told.id} of job ${told.jobName} was told to stop.`)
    return 0
  }
  const { vmRuns } = await api.runs.get(run.id)
  const found = find(
    'VM of the run',
    vmRuns.map(({ id, vm }) => ({ id, name: vm.name })),
    vmRun,
  )
  const told = await api.runs.cancelVm(found.id)
  context.show(told, () => `${told.vm.name} was told to stop; the rest of the run goes on.`)
  return 0
}
