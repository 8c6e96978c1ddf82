/** VMs of a job whose protection was turned round are run in place of their originals, in the direction back. Pure. */
import type { Job, Target } from './job.ts'
import type { ResolvedSelection } from './resolve-selection.ts'

type Turning = Pick<Job, 'turned' | 'targets'>

export function turnedSelection(job: Turning, resolved: ResolvedSelection): ResolvedSelection {
  if (job.turned.length === 0) return resolved
  const replaced = new Set(job.turned.flatMap(({ original, pool, vm }) => [`${original.pool}/${original.vm}`, `${pool}/${vm}`]))
  const stays = ({ pool, vm }: { readonly pool: string; readonly vm: string }) => !replaced.has(`${pool}/${vm}`)
  const turned = job.turned.map(({ pool, vm, name }) => ({ pool, vm, name, bytesAllocated: null, by: 'turning protection round' }))
  return { vms: [...resolved.vms.filter(stays), ...turned], leftOut: resolved.leftOut, missing: resolved.missing.filter(stays) }
}

/** Where a VM of a job goes. */
export function targetsOf({ turned, targets }: Turning, pool: string, vm: string): readonly Target[] {
  const found = turned.find((each) => each.pool === pool && each.vm === vm)
  return found === undefined ? targets : [found.target]
}
