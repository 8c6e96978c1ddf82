/** What the overview says first: is everything protected? Never better than the worst that is known. Pure. */
import type { Alert, Pool, Protection, ProtectionState } from '../../api/types.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.overview.glance

/** A VM of several chains is as well off as its worst one. */
const WORST: readonly ProtectionState[] = ['missed', 'at-risk', 'failed-over', 'pending', 'paused', 'protected', 'unprotected']
export const byGravity = (a: ProtectionState, b: ProtectionState): number => WORST.indexOf(a) - WORST.indexOf(b)

/** What these tell is seen by the state of VMs and of pools already. */
const TOLD_OTHERWISE: readonly Alert['kind'][] = ['run-failed', 'rpo-missed', 'pool-away', 'pool-refused']
export const otherAlerts = (open: readonly Alert[]): readonly Alert[] => open.filter(({ kind }) => !TOLD_OTHERWISE.includes(kind))

export const poolsInTrouble = (pools: readonly Pool[]): readonly Pool[] =>
  pools.filter(({ state }) => state === 'away' || state === 'refused')

export interface Verdict {
  readonly look: 'bad' | 'warn' | 'idle' | 'good'
  readonly headline: string
  /** What else is to be known; each is told of below. */
  readonly also: readonly string[]
  readonly counts: ReadonlyMap<ProtectionState, number>
}

/** @param alerts that are open */
export function verdictOf(protections: readonly Protection[], pools: readonly Pool[], alerts: readonly Alert[]): Verdict {
  const counts = countVms(protections)
  const of = (state: ProtectionState) => counts.get(state) ?? 0
  const inJobs = [...counts].reduce((sum, [state, count]) => (state === 'unprotected' ? sum : sum + count), 0)
  const troubled = of('missed') + of('at-risk')
  const waiting = of('pending') + of('paused')
  const over = of('failed-over')
  const others = otherAlerts(alerts).length
  const away = poolsInTrouble(pools).map(({ name, state }) => T.pool[state === 'away' ? 'away' : 'refused'](name))
  const overToo = over > 0 && troubled > 0 ? [T.overToo(over)] : []
  const also = [...overToo, ...away, ...(others > 0 ? [T.alerts(others)] : [])]
  const look = of('missed') > 0 ? 'bad' : troubled + over + also.length > 0 ? 'warn' : waiting > 0 || inJobs === 0 ? 'idle' : 'good'
  const headline =
    troubled > 0 ? T.trouble(troubled, inJobs) : over > 0 ? T.over(over, inJobs) : waiting > 0 ? T.waiting(waiting, inJobs) : T.well(inJobs)
  return { look, headline, also, counts }
}

function countVms(protections: readonly Protection[]): ReadonlyMap<ProtectionState, number> {
  const states = new Map<string, ProtectionState>()
  for (const { state, vm, sourcePool } of protections) {
    const key = `${sourcePool}/${vm.uuid}`
    const before = states.get(key)
    if (before === undefined || byGravity(state, before) < 0) states.set(key, state)
  }
  const counts = new Map<ProtectionState, number>()
  for (const state of states.values()) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}
