/** What makes sense to do with a replica as it stands. Pure. */
import type { FailoverRequest, FailoverStatus } from './failover-request.ts'

type Facts = Pick<FailoverStatus, 'replica' | 'startedByOtherMeans' | 'failedOver' | 'tests' | 'source'>

export function unfinishedFailover({ failedOver, source }: Facts): FailoverStatus['unfinished'] {
  const half = failedOver.find(({ state }) => state === 'preparing')
  if (source?.handedOver === 'shutting-down')
    return {
      text: 'a planned failover stopped in the middle: the source was being shut down',
      goOn: 'planned-failover',
      undo: 'undo-failover',
    }
  if (half === undefined) return null
  const planned = half.kind === 'planned'
  return {
    text: `a failover stopped in the middle: "${half.name}" was about to take over, and was not started`,
    goOn: planned && source !== null ? 'planned-failover' : 'failover',
    undo: 'undo-failover',
  }
}

export function possibleFailovers(facts: Facts): FailoverRequest['kind'][] {
  const { failedOver, tests, source, replica, startedByOtherMeans } = facts
  const unfinished = unfinishedFailover(facts)
  const own = failedOver.find(({ clone }) => !clone)
  const active = failedOver.some(({ state }) => state === 'active')
  const turned = failedOver.some(({ state }) => state === 'turned')
  const out: FailoverRequest['kind'][] = ['clone', 'test-failover']
  if (unfinished !== null) out.push(unfinished.goOn)
  else if (own === undefined && replica !== null) {
    out.push('failover')
    if (source !== null && !startedByOtherMeans) out.push('planned-failover')
  }
  if (active && source !== null) out.push('reprotect', 'failback')
  if (turned && source !== null) out.push('failback')
  if (active || unfinished !== null) out.push('undo-failover')
  if (active && source?.powerState === 'Halted' && !source.startBlocked) out.push('fence')
  if (tests.length > 0) out.push('clean-up')
  return [...new Set(out)]
}
