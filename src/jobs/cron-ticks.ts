/** Ticks of a schedule, cron included: the one place that knows croner. */
import { Cron } from 'croner'
import type { Timing } from '../core/control/job.ts'
import { intervalTicks, spreadOf, type Ticks } from '../core/control/ticks.ts'
import { Failure } from '../core/failure.ts'

/** @param job its id moves the ticks of intervals (`spreadOf`); cron ticks stay where they are. Throws Failure JOB_INVALID. */
export function ticksOf(timing: Timing, job: string): Ticks {
  return timing.kind === 'interval'
    ? intervalTicks(timing.minutes, spreadOf(job, timing.minutes))
    : cronTicks(timing.expression, timing.timeZone)
}

/**
 * A local time that does not exist on the day that clocks go forward ticks at the instant they do; one that exists twice on the day that
 * they go back ticks the first time only. What ticks every hour or more often does so by the time that passes, without gap or repetition.
 */
export function cronTicks(expression: string, timeZone: string): Ticks {
  const cron = readCron(expression, timeZone)
  const after = (time: number) => cron.nextRun(new Date(time))?.getTime() ?? null
  return {
    after,
    // Earlier than the given second: the next whole second includes what is wanted.
    atOrBefore: (time) => cron.previousRuns(1, new Date(Math.floor(time / 1000) * 1000 + 1000))[0]?.getTime() ?? null,
    count(from, to, most) {
      let counted = 0
      for (let at = after(from); at !== null && at <= to && counted < most; at = after(at)) counted++
      return counted
    },
  }
}

function readCron(expression: string, timeZone: string): Cron {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (error) {
    throw new Failure('JOB_INVALID', `"${timeZone}" is no time zone`, 'give its IANA name, such as Europe/Berlin', error)
  }
  // croner also takes nicknames and seconds; five fields are what everybody reads alike.
  if (expression.trim().split(/\s+/).length !== 5) throw unreadable(expression, 'it has not exactly five fields')
  try {
    return new Cron(expression, { timezone: timeZone, paused: true, mode: '5-part' })
  } catch (error) {
    throw unreadable(expression, (error as Error).message.replace(/^CronPattern: /, ''), error)
  }
}

function unreadable(expression: string, why: string, cause?: unknown): Failure {
  return new Failure(
    'JOB_INVALID',
    `"${expression}" is no cron expression: ${why}`,
    'give minute, hour, day of month, month and weekday',
    cause,
  )
}
