/** What RPO a job asks for. */
import { effectiveSettings, type Job } from '../../core/control/job.ts'
import { derivedRpo } from '../../core/control/judge-protection.ts'
import { longestGap } from '../../core/control/ticks.ts'
import { ticksOf } from '../cron-ticks.ts'

/** Milliseconds; the least that one of its enabled schedules asks for. Null: none is enabled, or none ever ticks. */
export function askedRpo(job: Job): number | null {
  const asked = job.schedules
    .filter(({ enabled }) => enabled)
    .flatMap((schedule) => {
      const { rpoMinutes } = effectiveSettings(job.settings, schedule.settings)
      // Counted from when the job was changed last: the same whenever it is asked for.
      const derived = () => derivedRpo([longestGap(ticksOf(schedule.timing, job.id), Date.parse(job.updatedAt))])
      return (rpoMinutes === null ? derived() : rpoMinutes * 60_000) ?? []
    })
  return asked.length === 0 ? null : Math.min(...asked)
}
