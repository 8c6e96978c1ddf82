/** `understudy job run` and `understudy run start`: a run by hand. */
import { randomUUID } from 'node:crypto'
import type { Job } from '../../core/control/job.ts'
import type { OptionSpec } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { followRun } from './follow-run.ts'
import type { Given } from './given.ts'
import { find, findJob, findSchedule, type Named } from './names.ts'
import { EXIT_CODES } from './run-outcome.ts'
import { runText } from './run-text.ts'
import { terminalWidth } from './table.ts'

export const FOLLOW_OPTIONS = {
  watch: { help: 'show what happens until it ends; Ctrl-C leaves the run going' },
  wait: { help: 'wait until it ends, without showing progress' },
  'time-limit': { value: 'MINUTES', help: 'with --watch or --wait: give up waiting after so long; the run goes on' },
} as const satisfies Readonly<Record<string, OptionSpec>>

export const START_OPTIONS = {
  vm: { value: 'VM', multiple: true, help: 'only this VM of the job, by name or uuid', completes: 'vm' },
  schedule: { value: 'SCHEDULE', help: "as that schedule: its retention and settings (the job's first one)", completes: 'schedule' },
  'dry-run': { help: 'plan and show the plan; change nothing' },
  ...FOLLOW_OPTIONS,
} as const satisfies Readonly<Record<string, OptionSpec>>

export const START_NOTES = `With --watch or --wait the exit code tells how the run ended: 0 success, 3 failed, 4 some VMs failed, 5 cancelled or interrupted,
6 nothing was begun.`

export async function startRun(context: Context, given: Given): Promise<number> {
  const minutes = given.number('time-limit', 1, 100_000)
  const api = await context.api()
  const job = await findJob(api, given.argument('JOB'))
  const schedule = given.text('schedule')
  const vms = await vmsOf(api, job, given.list('vm'))
  const started = await api.runs.start(
    {
      job: job.id,
      ...(schedule === undefined ? {} : { schedule: findSchedule(job, schedule).id }),
      ...(vms.length === 0 ? {} : { vms }),
      ...(given.flag('dry-run') ? { dryRun: true } : {}),
    },
    // Should the connection break before the answer, asking again must not start a second run.
    randomUUID(),
  )
  if (!given.flag('watch') && !given.flag('wait')) {
    context.show(
      started,
      () => `Run ${started.id} of job ${job.name} is ${started.state}: 'understudy run watch ${started.id}' follows it.`,
    )
    return 0
  }
  return await follow(context, api, started.id, !given.flag('watch'), minutes)
}

export async function follow(context: Context, api: RemoteApi, id: string, quiet: boolean, minutes: number | undefined): Promise<number> {
  const run = await followRun(context, api, id, { quiet: quiet || context.json, minutes })
  context.show(run, () => runText(run, { wide: context.wide, width: terminalWidth() }))
  return EXIT_CODES[run.state]
}

/** By name or uuid, among the VMs that the job chooses now. */
async function vmsOf(api: RemoteApi, job: Job, texts: readonly string[]): Promise<string[]> {
  if (texts.length === 0) return []
  const { vms } = await api.jobs.preview(job.selection)
  const chosen = vms.map(({ vm, name }): Named => ({ id: vm, name }))
  return texts.map((text) => find(`VM of job ${job.name}`, chosen, text).id)
}
