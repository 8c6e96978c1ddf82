/** The jobs, in memory as they are stored: what schedules, runs and the watch over RPOs read at any time. Changes are stored first. */
import type { Job, Timestamp } from '../core/control/job.ts'
import { Failure } from '../core/failure.ts'
import { deleteJob } from '../store/jobs/delete-job.ts'
import { insertJob } from '../store/jobs/insert-job.ts'
import { setLastTick } from '../store/jobs/last-ticks.ts'
import { listJobs } from '../store/jobs/list-jobs.ts'
import { replaceJob } from '../store/jobs/replace-job.ts'
import type { Store } from '../store/open-store.ts'
import { deleteProtectionsOfJob } from '../store/protections/delete-protections.ts'
import { toTimestamp } from '../store/timestamps.ts'
import type { Clock } from './clock.ts'

export type JobChange =
  | { readonly kind: 'changed'; readonly job: Job; readonly before: Job | undefined }
  | { readonly kind: 'removed'; readonly job: Job }

export class JobBook {
  readonly #store: Store
  readonly #clock: Clock
  readonly #jobs = new Map<string, Job>()
  readonly #listeners: ((change: JobChange) => void)[] = []

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async load(): Promise<void> {
    this.#jobs.clear()
    for (const job of await listJobs(this.#store.db)) this.#jobs.set(job.id, job)
  }

  onChange(listener: (change: JobChange) => void): void {
    this.#listeners.push(listener)
  }

  /** By name. */
  all(): Job[] {
    return [...this.#jobs.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1))
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  /** Failure JOB_NOT_FOUND. */
  get(id: string): Job {
    const job = this.#jobs.get(id)
    if (job === undefined) throw new Failure('JOB_NOT_FOUND', `there is no job ${id}`)
    return job
  }

  /** New jobs and changed ones (their version is that which the change was made of), all or none. Failure JOB_CHANGED, JOB_NOT_FOUND. */
  async put(jobs: readonly Job[]): Promise<Job[]> {
    const now = toTimestamp(this.#clock.now())
    const stored = await this.#store.transaction(
      async (db) => {
        const out: Job[] = []
        for (const job of jobs) {
          const before = this.#jobs.get(job.id)
          if (before === undefined) await insertJob(db, job)
          const version = before === undefined ? job.version : await this.#replace(db, job, now)
          for (const schedule of newlyTicking(before, job)) await setLastTick(db, schedule, now)
          out.push({ ...job, version, updatedAt: before === undefined ? job.updatedAt : now })
        }
        return out
      },
      { durable: true },
    )
    for (const job of stored) {
      const before = this.#jobs.get(job.id)
      this.#jobs.set(job.id, job)
      this.#tell({ kind: 'changed', job, before })
    }
    return stored
  }

  async remove(id: string): Promise<Job> {
    const job = this.get(id)
    await this.#store.transaction(
      async (db) => {
        await deleteJob(db, id)
        await deleteProtectionsOfJob(db, id)
      },
      { durable: true },
    )
    this.#jobs.delete(id)
    this.#tell({ kind: 'removed', job })
    return job
  }

  async #replace(db: Parameters<typeof replaceJob>[0], job: Job, now: Timestamp): Promise<number> {
    const replaced = await replaceJob(db, job, now)
    switch (replaced.kind) {
      case 'replaced':
        return replaced.version
      case 'changed':
        throw new Failure('JOB_CHANGED', `job "${job.name}" is not at version ${job.version} any more`)
      case 'gone':
        throw new Failure('JOB_NOT_FOUND', `there is no job ${job.id} any more`)
    }
  }

  #tell(change: JobChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** Schedules that begin to tick with this change (made, enabled, at other times): what ticked before that was not missed. */
export function newlyTicking(before: Job | undefined, job: Job): string[] {
  return job.schedules
    .filter((schedule) => {
      const old = before?.schedules.find(({ id }) => id === schedule.id)
      const ticked = before?.enabled === true && old?.enabled === true && JSON.stringify(old.timing) === JSON.stringify(schedule.timing)
      return !ticked
    })
    .map(({ id }) => id)
}
