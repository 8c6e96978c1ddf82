import type { Job } from '../../core/control/job.ts'

/** Jobs that name a pool, as target or to choose VMs of; those that choose of any pool do not. */
export function jobsNaming(pool: string, jobs: readonly Job[]): Job[] {
  return jobs.filter(
    ({ targets, turned, selection: { include, exclude } }) =>
      targets.some((target) => target.pool === pool) ||
      turned.some((each) => each.pool === pool || each.target.pool === pool) ||
      [...include, ...exclude].some((selector) => selector.pool === pool),
  )
}
