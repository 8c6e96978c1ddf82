/** `understudy activity`: tests, failovers, plans, seeds and reading back, as they go on the server. */
import { randomUUID } from 'node:crypto'
import { ACTIVITY_KINDS, ACTIVITY_STATES } from '../../core/control/activity.ts'
import { UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import { showReport } from './activity-report.ts'
import { activityColumns, activityText } from './activity-text.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { ACT_NOTES, ACT_OPTIONS, begun, followToEnd } from './follow-activity.ts'
import type { Given } from './given.ts'
import { find, findJob } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { table, terminalWidth } from './table.ts'
import { watching } from './watching.ts'

const ACTIVITY = [{ name: 'ACTIVITY' }] as const
const { watch: _, wait, 'time-limit': timeLimit } = ACT_OPTIONS

const noun: Noun = {
  name: 'activity',
  summary: 'long operations that are no runs: tests, failovers, plans, seeds, reading back',
  notes: 'ACTIVITY is an id, the beginning of one, or last: the newest.',
  actions: {
    list: {
      summary: 'activities, newest first',
      options: {
        kind: { value: 'KIND', multiple: true, help: `only ${ACTIVITY_KINDS.join(', ')}`, completes: ACTIVITY_KINDS },
        state: { value: 'STATE', multiple: true, help: `only ${ACTIVITY_STATES.join(', ')}`, completes: ACTIVITY_STATES },
        job: { value: 'JOB', help: 'only of this job', completes: 'job' },
        vm: { value: 'UUID', help: 'only of this source VM' },
        limit: { value: 'N', help: 'at most so many (20)' },
        watch: { help: 'stay, and show every change' },
      },
      run: (context, given) => watching(context, given, ['activity'], (api) => list(context, api, given)),
    },
    show: { summary: 'one activity with its timeline', positionals: ACTIVITY, run: show },
    watch: {
      summary: 'show what happens until it ends',
      positionals: ACTIVITY,
      options: { wait, 'time-limit': timeLimit },
      notes: ACT_NOTES,
      async run(context, given) {
        const api = await context.api()
        return followToEnd(context, api, await meant(api, given), given.flag('wait'), given.number('time-limit', 1, 100_000))
      },
    },
    report: {
      summary: 'what came of it, as a document in Markdown to keep',
      positionals: ACTIVITY,
      options: { output: { value: 'FILE', help: 'write it into this file', completes: 'file' } },
      run: report,
    },
    cancel: {
      summary: 'cancel it; it takes back what has to be',
      positionals: ACTIVITY,
      async run(context, given) {
        const api = await context.api()
        const cancelled = await api.activities.cancel(await meant(api, given))
        context.show(cancelled, () => `${cancelled.kind} is ${cancelled.state === 'running' ? 'being cancelled' : cancelled.state}.`)
        return 0
      },
    },
    continue: {
      summary: 'go on with one that was interrupted, from what the pools say',
      positionals: ACTIVITY,
      options: { watch: ACT_OPTIONS.watch, wait, 'time-limit': timeLimit },
      notes: ACT_NOTES,
      async run(context, given) {
        const api = await context.api()
        return begun(context, api, given, await api.activities.continue(await meant(api, given), randomUUID()))
      },
    },
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context, api: RemoteApi, given: Given) {
  const job = given.text('job')
  for (const [option, known] of [
    ['kind', ACTIVITY_KINDS],
    ['state', ACTIVITY_STATES],
  ] as const) {
    const wrong = given.list(option).find((each) => !(known as readonly string[]).includes(each))
    if (wrong !== undefined) throw new UsageError(`--${option} is one of ${known.join(', ')}, not '${wrong}'`)
  }
  const query = {
    kind: given.list('kind'),
    state: given.list('state'),
    vm: given.text('vm'),
    job: job === undefined ? undefined : (await findJob(api, job)).id,
  }
  const found = await api.activities.list(query, given.number('limit', 1, 100_000) ?? 20)
  return {
    value: found,
    text: () =>
      found.length === 0
        ? 'There is no such activity.'
        : table(found, activityColumns(Date.now(), context.wide), { wide: context.wide, width: terminalWidth() }),
  }
}

async function meant(api: RemoteApi, given: Given): Promise<string> {
  const text = given.argument('ACTIVITY')
  if (/^[0-9a-f-]{36}$/i.test(text)) return text
  const newest = await api.activities.list({}, text === 'last' ? 1 : 500)
  if (text === 'last' && newest[0] !== undefined) return newest[0].id
  return find(
    'activity',
    newest.map(({ id }) => ({ id, name: id })),
    text,
    'understudy activity list',
  ).id
}

async function show(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const activity = await api.activities.get(await meant(api, given))
  context.show(activity, () => activityText(activity, Date.now(), context.wide))
  return 0
}

async function report(context: Context, given: Given): Promise<number> {
  return showReport(context, given, await meant(await context.api(), given))
}
