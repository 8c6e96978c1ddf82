/** What is watched of one chain: a job, a VM of it, a target. */
import type { Job } from '../../core/control/job.ts'
import type { ProtectionState } from '../../core/control/protection.ts'
import type { ResolvedSelection } from '../../core/control/resolve-selection.ts'
import { targetsOf } from '../../core/control/turned-selection.ts'
import type { StoredProtection } from '../../store/protections/protection-row.ts'
import { toTimestamp } from '../../store/timestamps.ts'

/** What is known of it, and how that was judged last; times in milliseconds since the epoch. */
export interface Row {
  stored: StoredProtection
  state: ProtectionState | null
  reason: string
  asked: number | null
  changesAt: number | null
  /** When a run told of it last. */
  touchedAt: number
  /** For which it was to be read anew last. */
  doubt: string | null
}

export const newRow = (stored: StoredProtection): Row => ({
  stored,
  state: null,
  reason: '',
  asked: null,
  changesAt: null,
  touchedAt: Number.NEGATIVE_INFINITY,
  doubt: null,
})

/** Unique among chains. */
export const keyOf = ({ job, sourcePool, vm, target }: Pick<StoredProtection, 'job' | 'sourcePool' | 'vm' | 'target'>) =>
  `${job}/${sourcePool}/${vm.uuid}/${target.pool}/${target.sr}`

/** Those of a job, by what its selection chooses now; `now` in milliseconds. */
export function chainsOf(job: Job, { vms, missing }: ResolvedSelection, now: number): StoredProtection[] {
  const firstSeenAt = toTimestamp(now)
  return [...vms, ...missing].flatMap(({ pool, vm, name }) =>
    targetsOf(job, pool, vm).map((target) => ({
      job: job.id,
      sourcePool: pool,
      vm: { uuid: vm, name },
      target,
      state: 'pending',
      point: null,
      replica: null,
      firstSeenAt,
      lastRun: null,
      lastError: null,
    })),
  )
}
