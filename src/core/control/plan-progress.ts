/** How a run of a recovery plan stands, VM by VM. Pure. */
import type { PlanRunProgress, PlanVmProgress } from './activity.ts'
import type { Timestamp } from './job.ts'
import type { PlanRunMode, RecoveryPlanSpec } from './recovery-plan-record.ts'

type Told = Pick<PlanVmProgress, 'group' | 'vm' | 'text'> & { readonly state: Exclude<PlanVmProgress['state'], 'waiting'> }

/** Nothing of it was begun. */
export function planAtStart(
  { groups }: Pick<RecoveryPlanSpec, 'groups'>,
  mode: PlanRunMode,
  nameOf: (vm: string) => string,
): PlanRunProgress {
  const begun = { state: 'waiting', text: '', startedAt: null, endedAt: null } as const
  return { mode, vms: groups.flatMap(({ name: group, vms }) => vms.map(({ vm }) => ({ group, vm, name: nameOf(vm), ...begun }))) }
}

/** With what is told of one VM; a VM is in a plan once. */
export function planWith({ mode, vms }: PlanRunProgress, { vm, state, text }: Told, now: Timestamp): PlanRunProgress {
  const changed = vms.map((one) => {
    if (one.vm !== vm) return one
    // What is skipped never began.
    const startedAt = one.startedAt ?? (state === 'skipped' ? null : now)
    return { ...one, state, text, startedAt, endedAt: state === 'working' ? null : now }
  })
  return { mode, vms: changed }
}
