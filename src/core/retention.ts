/** Which restore points go and which stay, each with its reason. Pure. */
import { newestFirst } from './restore-point-order.ts'

export interface Kept {
  readonly uuid: string
  readonly keep: boolean
  readonly reason: string
}

interface Point {
  readonly uuid: string
  readonly schedule: string | undefined
  readonly takenAt: number
  readonly generation: number
  readonly complete: boolean
}

/** How many restore points of each kind are kept; a point stays while any of them wants it. */
export interface RetentionRule {
  /** The newest ones, at least 1. */
  readonly last: number
  /** The newest of each of so many hours, days, weeks (from Monday) and months that have any, in UTC. */
  readonly hourly?: number
  readonly daily?: number
  readonly weekly?: number
  readonly monthly?: number
}

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly'] as const
export type Period = (typeof PERIODS)[number]
export const RETENTION_PERIODS: readonly Period[] = PERIODS

const NAMES: Readonly<Record<Period, string>> = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month' }
const HOUR = 3_600_000
const DAY = 24 * HOUR

/**
 * Judges the complete restore points of `schedule`; those of other schedules are theirs to judge. The newest of all is kept whatever
 * the rule says: it is the base of the next delta (G5). What is not complete is no restore point and goes.
 */
export function judgeRestorePoints(points: readonly Point[], schedule: string, rule: number | RetentionRule): Kept[] {
  const wanted: RetentionRule = typeof rule === 'number' ? { last: rule } : rule
  // Only what is complete takes part in the order, as wherever the newest is asked for.
  const ordered = newestFirst(points.filter(({ complete }) => complete))
  const newest = ordered[0]?.uuid
  const own = ordered.filter((point) => point.schedule === schedule)
  const reasons = new Map(own.slice(0, wanted.last).map(({ uuid }) => [uuid, `among the newest ${wanted.last}`]))
  for (const period of PERIODS) {
    const kept = newestOfEach(own, period, wanted[period] ?? 0)
    for (const [uuid, start] of kept) if (!reasons.has(uuid)) reasons.set(uuid, `the newest of the ${NAMES[period]} from ${start}`)
  }
  const judged = ordered.map(({ uuid, schedule: owner }): Kept => {
    if (owner !== schedule) return { uuid, keep: true, reason: 'belongs to another schedule' }
    const reason = reasons.get(uuid)
    if (reason !== undefined) return { uuid, keep: true, reason }
    if (uuid === newest) return { uuid, keep: true, reason: 'the newest restore point, base of the next delta' }
    return { uuid, keep: false, reason: `beyond ${describe(wanted)}` }
  })
  const broken = points.filter(({ complete }) => !complete)
  const reason = 'left behind by an interrupted run, not a restore point'
  return [...judged, ...broken.map(({ uuid }) => ({ uuid, keep: false, reason }))]
}

/** The newest point of each of the newest `count` periods that have one, with the period's beginning. `ordered` is newest first. */
function newestOfEach(ordered: readonly Point[], period: Period, count: number): Map<string, string> {
  const starts = new Set<number>()
  const out = new Map<string, string>()
  for (const { uuid, takenAt } of ordered) {
    const start = periodStart(takenAt, period)
    if (starts.has(start)) continue
    if (starts.size === count) break
    starts.add(start)
    out.set(uuid, new Date(start).toISOString().slice(0, 16))
  }
  return out
}

function periodStart(time: number, period: Period): number {
  switch (period) {
    case 'hourly':
      return time - (time % HOUR)
    case 'daily':
      return time - (time % DAY)
    case 'weekly': {
      const day = Math.floor(time / DAY)
      // The epoch was a Thursday: day −3 was a Monday.
      return (day - ((((day + 3) % 7) + 7) % 7)) * DAY
    }
    case 'monthly': {
      const date = new Date(time)
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
    }
  }
}

function describe(rule: RetentionRule): string {
  const more = PERIODS.flatMap((period) => (rule[period] ? [`${rule[period]} ${period}`] : []))
  return more.length === 0 ? `the newest ${rule.last}` : `the newest ${rule.last}, ${more.join(', ')}`
}
