/** At the start: runs of a schedule that the end of the server interrupted are made again, once, instead of waiting for the next tick. */
import type { Job } from '../core/control/job.ts'
import type { Store } from '../store/open-store.ts'
import { listRuns } from '../store/runs/list-runs.ts'
import type { JobBook } from './job-book.ts'
import type { RunService } from './runs/run-service.ts'
import type { Scheduler } from './scheduler.ts'

export interface RepeatParts {
  readonly store: Store
  readonly book: JobBook
  readonly scheduler: Scheduler
  readonly service: RunService
  readonly awaits: (job: Job) => boolean
}

export async function repeatInterrupted({ store, book, scheduler, service, awaits }: RepeatParts): Promise<void> {
  for (const job of book.all()) {
    for (const schedule of job.enabled ? job.schedules.filter(({ enabled }) => enabled) : []) {
      const { items } = await listRuns(store.db, { schedule: schedule.id, limit: 1 })
      const [last] = items
      if (last?.state !== 'interrupted' || last.dryRun || awaits(job)) continue
      const { trigger } = last
      // One that was made again already, and interrupted again: it may be what ends the server.
      const again = trigger.kind === 'caught-up' && trigger.missed === 0
      if (trigger.kind === 'hand' || again) continue
      // A tick that is due makes a run anyway.
      if (scheduler.isDue(schedule.id) || book.find(job.id) === undefined) continue
      await service.begin({ job, schedule, trigger: { kind: 'caught-up', tick: trigger.tick, missed: 0 } })
    }
  }
}
