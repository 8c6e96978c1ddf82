/** Which events a listener asked for. Pure. */
import type { ServerEvent } from '../../jobs/control-plane.ts'

/** What is left out does not narrow. */
export interface EventFilter {
  readonly kind?: readonly ServerEvent['kind'][]
  readonly job?: string
  readonly run?: string
  readonly vm?: string
  readonly pool?: string
}

/** An event that has nothing to do with jobs is none of a job's, and so on. */
export function isWanted(event: ServerEvent, filter: EventFilter): boolean {
  if (filter.kind !== undefined && !filter.kind.includes(event.kind)) return false
  const about = aboutOf(event)
  return (['job', 'run', 'vm', 'pool'] as const).every((name) => filter[name] === undefined || about[name]?.includes(filter[name]) === true)
}

type About = { readonly [Name in 'job' | 'run' | 'vm' | 'pool']?: readonly (string | null)[] }

function aboutOf(event: ServerEvent): About {
  switch (event.kind) {
    case 'pool':
      return { pool: [event.pool.id] }
    case 'pool-removed':
      return { pool: [event.id] }
    case 'inventory':
      return { pool: [event.pool] }
    case 'job':
      return { job: [event.job.id] }
    case 'job-removed':
      return { job: [event.id] }
    case 'run':
      return { job: [event.run.job], run: [event.run.id] }
    case 'vm-run': {
      const { job, run, vm, sourcePool, target } = event.vmRun
      return { job: [job], run: [run], vm: [vm.uuid], pool: [sourcePool, target.pool] }
    }
    case 'protection': {
      const { job, vm, sourcePool, target } = event.protection
      return { job: [job], vm: [vm.uuid], pool: [sourcePool, target?.pool ?? null] }
    }
    case 'alert': {
      const { job, vm, pool } = event.alert
      return { job: [job], vm: [vm], pool: [pool] }
    }
    case 'activity': {
      const { job, vm, sourcePool, target } = event.activity.subject
      return { job: [job], vm: [vm?.uuid ?? null], pool: [sourcePool, target?.pool ?? null] }
    }
    case 'protections':
    case 'plan':
    case 'plan-removed':
    case 'verified':
      return {}
  }
}
