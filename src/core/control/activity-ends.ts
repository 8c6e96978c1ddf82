/** Whether an activity that ended can be gone on with. Pure. */
import type { Activity, ActivityKind } from './activity.ts'

/** What finds on the pools, or on the medium, how far it got. The others begin anew. */
const GOES_ON: readonly ActivityKind[] = [
  'clean-up',
  'fence',
  'failover',
  'planned-failover',
  'undo-failover',
  'reprotect',
  'failback',
  'seed-export',
  'seed-import',
  'seed-link',
]

/** A test that was interrupted is removed by the next one; a plan goes on when its VMs really fail over. */
export function canGoOn({ kind, state }: Pick<Activity, 'kind' | 'state'>, isTest: boolean): boolean {
  if (state !== 'interrupted' && state !== 'failed') return false
  return GOES_ON.includes(kind) || (kind === 'plan' && !isTest)
}
