/** How well a VM is protected by one job on one target: asked against achieved RPO. Pure. */
import type { ProtectionState } from './protection.ts'

export interface ProtectionFacts {
  readonly now: number
  /** Milliseconds; null: neither is one set, nor does a tick ever come that one could be made of. */
  readonly askedRpo: number | null
  /** Time of the source snapshot of the newest restore point. */
  readonly newestPoint: number | null
  /** When the job was first seen to choose the VM. */
  readonly firstSeen: number
  /** Of the last VM run that ended otherwise than by being skipped. */
  readonly lastState: 'success' | 'failed' | 'cancelled' | 'interrupted' | null
  readonly lastErrorText: string | null
  readonly underWay: boolean
  readonly jobEnabled: boolean
  readonly schedulesEnabled: boolean
  readonly failedOver: boolean
}

export interface ProtectionJudgement {
  readonly state: ProtectionState
  readonly reason: string
  /** When the state becomes another one by time alone; null: never. */
  readonly changesAt: number | null
}

/** A restore point older than this share of the asked RPO is at risk of missing it. */
const AT_RISK = 4 / 5

export function judgeProtection(facts: ProtectionFacts): ProtectionJudgement {
  if (facts.failedOver) return still('failed-over', 'the replica has taken over: the source is not replicated onto it')
  if (!facts.jobEnabled) return still('paused', 'its job is disabled')
  if (!facts.schedulesEnabled) return still('paused', 'no schedule of its job is enabled')
  if (facts.askedRpo === null) return still('paused', 'no tick of its schedules ever comes')
  return facts.newestPoint === null ? withoutPoint(facts, facts.askedRpo) : byAge(facts, facts.askedRpo, facts.newestPoint)
}

const still = (state: ProtectionState, reason: string): ProtectionJudgement => ({ state, reason, changesAt: null })

function withoutPoint({ now, firstSeen, lastState, lastErrorText, underWay }: ProtectionFacts, asked: number): ProtectionJudgement {
  const missedFrom = firstSeen + asked + 1
  if (lastState === 'failed') {
    const why = `no restore point yet: the last run failed${lastErrorText === null ? '' : ` (${lastErrorText})`}`
    return now >= missedFrom
      ? still('missed', `${why}, and ${span(asked)} was asked for`)
      : { state: 'at-risk', reason: why, changesAt: missedFrom }
  }
  if (underWay) return still('pending', 'the first copy is under way')
  if (lastState === 'success')
    return still('missed', 'its replica, or the restore points of it, are gone from the target: the next run sends everything')
  if (now >= missedFrom)
    return still('missed', `no restore point since it was chosen ${span(now - firstSeen)} ago; ${span(asked)} was asked for`)
  return { state: 'pending', reason: 'no run of it has ended yet', changesAt: missedFrom }
}

function byAge({ now, lastState, lastErrorText }: ProtectionFacts, asked: number, takenAt: number): ProtectionJudgement {
  // A source whose clock is ahead of ours takes snapshots in our future.
  const age = Math.max(0, now - takenAt)
  const said = `the newest restore point is ${span(age)} old; ${span(asked)} was asked for`
  const missedFrom = takenAt + asked + 1
  const riskFrom = takenAt + Math.floor(asked * AT_RISK) + 1
  if (now >= missedFrom) return still('missed', said)
  if (lastState === 'failed' || lastState === 'interrupted') {
    const what = lastState === 'failed' ? `failed${lastErrorText === null ? '' : ` (${lastErrorText})`}` : 'was interrupted'
    return { state: 'at-risk', reason: `the last run ${what}; ${said}`, changesAt: missedFrom }
  }
  if (now >= riskFrom) return { state: 'at-risk', reason: said, changesAt: missedFrom }
  return { state: 'protected', reason: said, changesAt: riskFrom }
}

/** `26 h`, `3 days`: as exact as it is of use. Milliseconds in. */
export function span(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000)
  if (minutes < 1) return `${Math.floor(milliseconds / 1000)} s`
  if (minutes < 120) return `${minutes} min`
  const hours = minutes / 60
  if (hours < 48) return `${Number(hours.toFixed(1))} h`
  return `${Number((hours / 24).toFixed(1))} days`
}

/** What is asked for when nobody said: the longest gap between ticks and half of it, of the schedule whose gaps are the shortest. */
export function derivedRpo(longestGaps: readonly (number | null)[]): number | null {
  const known = longestGaps.filter((gap) => gap !== null)
  return known.length === 0 ? null : Math.min(...known) * 1.5
}
