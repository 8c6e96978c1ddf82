/** What a run of a job consists of: one VM run a VM and target, some of them skipped from the beginning. Pure. */
import type { Reason } from '../base.ts'
import { because } from './because.ts'
import type { Target } from './job.ts'
import type { ResolvedSelection } from './resolve-selection.ts'

export interface LaidOutVmRun {
  readonly pool: string
  readonly vm: string
  readonly name: string
  readonly target: Target
  /** Why it is not begun; null: it is. */
  readonly skipped: Reason | null
}

export type LaidOutRun =
  | { readonly kind: 'run'; readonly vmRuns: readonly LaidOutVmRun[] }
  /** Nothing is begun. */
  | { readonly kind: 'skip'; readonly vmRuns: readonly LaidOutVmRun[]; readonly reason: Reason }

export interface ChainStates {
  /** Whether a run of the same schedule has a VM run of this chain that is queued or under way. */
  readonly isUnderWay: (pool: string, vm: string, target: Target) => boolean
  /** Whether its replica has taken over. */
  readonly isFailedOver: (pool: string, vm: string, target: Target) => boolean
}

export function layOutRun(
  resolved: ResolvedSelection,
  targetsOf: (pool: string, vm: string) => readonly Target[],
  { isUnderWay, isFailedOver }: ChainStates,
): LaidOutRun {
  const vms = [...resolved.vms, ...resolved.missing]
  if (vms.length === 0) {
    const replicas = resolved.leftOut.length > 0 ? `; ${resolved.leftOut.length} are left out` : ''
    return { kind: 'skip', vmRuns: [], reason: because('no-vm', `the job chooses no VM at this moment${replicas}`, 'look at its preview') }
  }
  const vmRuns = vms.flatMap(({ pool, vm, name }) =>
    targetsOf(pool, vm).map((target): LaidOutVmRun => {
      const skipped = isFailedOver(pool, vm, target)
        ? because(
            'failed-over',
            'its replica has taken over, and what that holds is newer',
            'go back, undo the failover, or turn protection round',
          )
        : isUnderWay(pool, vm, target)
          ? because('still-under-way', 'the run before has not ended yet', 'a longer interval, or fewer VMs for the same limits')
          : null
      return { pool, vm, name, target, skipped }
    }),
  )
  if (vmRuns.some(({ skipped }) => skipped === null)) return { kind: 'run', vmRuns }
  const failedOver = vmRuns.every(({ skipped }) => skipped?.code === 'failed-over')
  const reason = failedOver
    ? because('failed-over', 'the replicas of all its VMs have taken over')
    : because('still-under-way', 'the run before has not ended yet for any of its VMs')
  return { kind: 'skip', vmRuns, reason }
}
