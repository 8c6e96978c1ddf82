/** A run of some VMs of a job. Pure. */
import { Failure } from '../failure.ts'
import type { ResolvedSelection } from './resolve-selection.ts'

/** @param vms uuids; undefined: all that the job chooses. Throws Failure VM_NOT_CHOSEN. */
export function narrowSelection(resolved: ResolvedSelection, vms: readonly string[] | undefined): ResolvedSelection {
  if (vms === undefined) return resolved
  const wanted = new Set(vms)
  const chosen = {
    ...resolved,
    vms: resolved.vms.filter(({ vm }) => wanted.has(vm)),
    missing: resolved.missing.filter(({ vm }) => wanted.has(vm)),
  }
  for (const vm of wanted) {
    if (![...chosen.vms, ...chosen.missing].some((each) => each.vm === vm))
      throw new Failure('VM_NOT_CHOSEN', `the job does not choose VM ${vm} at this moment`)
  }
  return chosen
}
