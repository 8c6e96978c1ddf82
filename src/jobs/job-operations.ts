/** Jobs and schedules as the API changes them. */
import { randomUUID } from 'node:crypto'
import { checkJob, checkSchedule, checkSelection } from '../core/control/check-job.ts'
import type { Job, JobSpec, Schedule, ScheduleSpec, Selection, Target } from '../core/control/job.ts'
import { type ResolvedSelection, resolveSelection } from '../core/control/resolve-selection.ts'
import { Failure } from '../core/failure.ts'
import { toTimestamp } from '../store/timestamps.ts'
import type { Clock } from './clock.ts'
import type { JobOperations } from './control-plane.ts'
import { ticksOf } from './cron-ticks.ts'
import type { JobBook } from './job-book.ts'
import { exportJobs, readDocument } from './jobs-document.ts'
import type { PoolAccess } from './pool-access.ts'
import type { ProtectionWatch } from './protection/protection-watch.ts'
import type { Scheduler } from './scheduler.ts'

export interface JobOperationParts {
  readonly book: JobBook
  readonly pools: PoolAccess
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly watch: ProtectionWatch
  /** Ends what runs of a job that was removed. */
  readonly cancelJob: (job: string) => Promise<void>
}

export function jobOperations({ book, pools, clock, scheduler, watch, cancelJob }: JobOperationParts): JobOperations {
  const change = async (id: string, alter: (job: Job) => Job): Promise<Job> => {
    const altered = alter(book.get(id))
    checkWhole(altered)
    return (await book.put([altered]))[0] as Job
  }
  const scheduleOf = (job: Job, id: string): Schedule => {
    const found = job.schedules.find((each) => each.id === id)
    if (found === undefined) throw new Failure('SCHEDULE_NOT_FOUND', `job "${job.name}" has no schedule ${id}`)
    return found
  }
  return {
    list: async () => book.all(),
    get: async (id) => book.get(id),
    async create({ schedules = [], ...spec }) {
      const now = toTimestamp(clock.now())
      const made = schedules.map((each) => ({ ...scheduleFields(each), id: randomUUID() }))
      const job: Job = { ...jobFields(spec), id: randomUUID(), schedules: made, turned: [], createdAt: now, updatedAt: now, version: 1 }
      checkWhole(job)
      checkTargetsExist(pools, job.targets)
      return (await book.put([job]))[0] as Job
    },
    update(id, changes, version) {
      if (changes.targets !== undefined) checkTargetsExist(pools, changes.targets)
      return change(id, (job) => ({ ...job, ...defined(jobFields(changes)), version: version ?? job.version }))
    },
    async remove(id) {
      book.get(id)
      await cancelJob(id)
      const replicasLeft = watch.ofJob(id).filter(({ replica, newestPoint }) => replica !== null || newestPoint !== null)
      await book.remove(id)
      return { replicasLeft }
    },
    async addSchedule(id, spec) {
      const schedule = { ...scheduleFields(spec), id: randomUUID() }
      await change(id, (job) => ({ ...job, schedules: [...job.schedules, schedule] }))
      return schedule
    },
    async updateSchedule(id, schedule, changes) {
      const job = await change(id, (before) => {
        const changed = { ...scheduleOf(before, schedule), ...defined(scheduleFields(changes)) }
        return { ...before, schedules: before.schedules.map((each) => (each.id === schedule ? changed : each)) }
      })
      return scheduleOf(job, schedule)
    },
    async removeSchedule(id, schedule) {
      await change(id, (job) => {
        scheduleOf(job, schedule)
        return { ...job, schedules: job.schedules.filter((each) => each.id !== schedule) }
      })
    },
    async preview(selection) {
      checkSelection(selection)
      const { vms, leftOut, missing } = resolveNow(selection, pools)
      return { vms, leftOut: [...leftOut, ...missing] }
    },
    nextTicks(timing, count) {
      checkSchedule({ name: 'x', enabled: true, timing, retention: { last: 1 }, settings: {} })
      const ticks = ticksOf(timing, '')
      const out: string[] = []
      for (let at = ticks.after(clock.now()); at !== null && out.length < Math.min(count, 100); at = ticks.after(at))
        out.push(toTimestamp(at))
      return out
    },
    upcoming: async () => scheduler.upcoming(),
    export: async (ids) => exportJobs(ids === undefined ? book.all() : ids.map((id) => book.get(id)), pools.statuses()),
    async import(document, { replace }) {
      const jobs = readDocument(document, { known: book.all(), pools: pools.statuses(), replace, now: toTimestamp(clock.now()) })
      jobs.forEach(checkWhole)
      return book.put(jobs)
    },
  }
}

export function resolveNow(selection: Selection, pools: PoolAccess): ResolvedSelection {
  const seen = pools.statuses().flatMap(({ id }) => pools.inventoryOf(id) ?? [])
  return resolveSelection(selection, seen)
}

/** With its schedules, whose times have to be readable. */
function checkWhole(job: Job): void {
  checkJob(job)
  for (const schedule of job.schedules) {
    checkSchedule(schedule)
    ticksOf(schedule.timing, job.id)
  }
}

/** What is not registered is a slip; a pool that is away may hold the SR all the same. */
function checkTargetsExist(pools: PoolAccess, targets: readonly Target[]): void {
  for (const { pool, sr } of targets) {
    const status = pools.statuses().find(({ id }) => id === pool)
    if (status === undefined) throw new Failure('JOB_INVALID', `the target's pool ${pool} is not registered`, 'add the pool first')
    const inventory = pools.inventoryOf(pool)
    if (inventory !== undefined && !inventory.srs.some(({ uuid }) => uuid === sr))
      throw new Failure('JOB_INVALID', `pool "${status.name}" has no storage repository ${sr}`, 'choose one that the pool has')
  }
}

/** Only what a job consists of, whatever else came along. */
function jobFields<T extends Partial<JobSpec>>({ name, enabled, selection, targets, settings }: T) {
  return { name, enabled, selection, targets, settings } as Pick<T, keyof JobSpec & keyof T>
}

function scheduleFields<T extends Partial<ScheduleSpec>>({ name, enabled, timing, retention, settings }: T) {
  return { name, enabled, timing, retention, settings } as Pick<T, keyof ScheduleSpec & keyof T>
}

const defined = <T extends object>(changes: T): T =>
  Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as T
