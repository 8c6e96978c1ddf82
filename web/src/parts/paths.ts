/** Addresses of what has a page of its own. */
import type { Alert, Protection, Target } from '../api/types.ts'

export const replicaPath = ({ pool, sr }: Target, vm: string): string => `/replicas/${pool}/${sr}/${vm}`
export const jobPath = (id: string): string => `/jobs/${id}`
export const activityPath = (id: string): string => `/activities/${id}`
export const planPath = (id: string): string => `/plans/${id}`
export const runPath = (id: string): string => `/runs/${id}`

/** Where one does something about an alert: the replica of its VM, else its job, else its pool. */
export function alertPath({ job, vm, pool }: Pick<Alert, 'job' | 'vm' | 'pool'>, protections: readonly Protection[]): string {
  const chain = protections.find((one) => one.vm.uuid === vm && one.target !== null && (job === null || one.job === job))
  if (chain?.target) return replicaPath(chain.target, chain.vm.uuid)
  if (job !== null) return jobPath(job)
  return pool === null ? '/activity?tab=alerts' : `/settings/pools/${pool}`
}
