/** Begins an activity once somebody agreed, and waits for its end, showing what happens. */
import { createInterface } from 'node:readline/promises'
import { type Activity, type ActivityDetail, ENDED_ACTIVITY_STATES } from '../../core/control/activity.ts'
import { Failure } from '../../core/failure.ts'
import { CommandFailure } from '../command.ts'
import { statusLine } from '../status-line.ts'
import type { OptionSpec } from './action.ts'
import { activityText, isWell, nowText } from './activity-text.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { changes } from './watching.ts'

export const ACT_OPTIONS = {
  'dry-run': { help: 'say what would happen, be lost and cost; change nothing' },
  yes: { help: 'do not ask for the name that has to be typed' },
  watch: { help: 'show what happens until it ends; Ctrl-C leaves it going' },
  wait: { help: 'wait until it ends, without showing progress' },
  'time-limit': { value: 'MINUTES', help: 'with --watch or --wait: give up waiting after so long; it goes on' },
} as const satisfies Readonly<Record<string, OptionSpec>>

export const ACT_NOTES = `With --watch or --wait the exit code tells how it ended: 0 well, 3 failed (or what was started did not come up), 5 cancelled or interrupted.`

/** Whoever is on the terminal types the name; without one, --yes says it. */
export async function typedName(context: Context, given: Given, asked: string | null): Promise<string | undefined> {
  if (asked === null || given.flag('yes')) return asked ?? undefined
  const refuse = () => new Failure('NOT_CONFIRMED', 'nobody agreed, and nothing was done', `type "${asked}" on a terminal, or --yes`)
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw refuse()
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typed = (await lines.question(`To go on type the name ${asked}: `, { signal: context.signal })).trim()
    if (typed !== asked) throw refuse()
    return typed
  } finally {
    lines.close()
  }
}

/** Tells that it has begun; with --watch or --wait follows it to its end. */
export async function begun(context: Context, api: RemoteApi, given: Given, activity: Activity): Promise<number> {
  if (!given.flag('watch') && !given.flag('wait')) {
    context.show(activity, () => `${activity.kind} has begun: 'understudy activity watch ${activity.id}' follows it.`)
    return 0
  }
  return followToEnd(context, api, activity.id, !given.flag('watch'), given.number('time-limit', 1, 100_000))
}

export async function followToEnd(
  context: Context,
  api: RemoteApi,
  id: string,
  quiet: boolean,
  minutes: number | undefined,
): Promise<number> {
  const ended = await follow(context, api, id, quiet || context.json, minutes)
  context.show(ended, () => activityText(ended, Date.now(), context.wide))
  if (ended.state === 'done') return isWell(ended.result) ? 0 : 3
  return ended.state === 'failed' ? 3 : 5
}

async function follow(context: Context, api: RemoteApi, id: string, quiet: boolean, minutes: number | undefined): Promise<ActivityDetail> {
  const limit = minutes === undefined ? undefined : AbortSignal.timeout(minutes * 60_000)
  const signal = limit === undefined ? context.signal : AbortSignal.any([context.signal, limit])
  const status = statusLine(process.stderr)
  let last = ''
  const show = (activity: Activity) => {
    const text = nowText(activity)
    if (quiet || text === '' || ENDED_ACTIVITY_STATES.includes(activity.state)) return
    if (process.stderr.isTTY) status.show(text)
    // A line for each step where there is no terminal: not one for each second.
    else if (activity.stage !== null && activity.stage.text !== last) {
      last = activity.stage.text
      process.stderr.write(`${last}\n`)
    }
  }
  const looks = changes(
    api,
    (event) => event.kind === 'activity' && event.activity.id === id,
    signal,
    (event) => {
      if (event.kind === 'activity' && event.activity.id === id) show(event.activity)
    },
  )
  try {
    for await (const _ of looks) {
      const activity = await api.activities.get(id)
      show(activity)
      if (ENDED_ACTIVITY_STATES.includes(activity.state)) return activity
    }
  } catch (error) {
    if (!limit?.aborted || context.signal.aborted) throw error
    throw new CommandFailure(`activity ${id} has not ended after ${minutes} minutes`, { hint: 'it goes on; --time-limit waits longer' })
  } finally {
    status.clear()
  }
  throw new CommandFailure('the server ended its events')
}
