/** How much runs moved, hour by hour. Pure. Sizes in bytes. */
import type { Target, Timestamp } from './job.ts'
import type { Run } from './run-record.ts'

export const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** So far back hours are told. */
export const FIGURES_DAYS = 30
/** What goes to a target is told of so many days: enough to see how fast it fills. */
export const TARGET_DAYS = 7

/** An hour of UTC. A run's bytes count in the hours that it took, evenly; the run itself in the hour of its end. */
export interface HourFigures {
  readonly from: Timestamp
  readonly changedBytes: number
  readonly bytesSent: number
  readonly runs: number
  /** Of `runs`, those that failed, also in part. */
  readonly failed: number
}

export interface TargetFigures extends Target {
  /** Over the last seven days, or since `since` when that is later. */
  readonly bytesSent: number
}

export interface RunFigures {
  /** Begin of the first hour that is counted: nothing is known of earlier ones. null: there was no run. */
  readonly since: Timestamp | null
  /** Only those in which something was, oldest first. */
  readonly hours: readonly HourFigures[]
  /** Where runs sent what they sent. A run to several targets counts for each of them with an even share. */
  readonly targets: readonly TargetFigures[]
}

export type EndedRun = Pick<Run, 'id' | 'job' | 'state' | 'dryRun' | 'startedAt' | 'endedAt' | 'totals'>

interface Hour {
  changedBytes: number
  bytesSent: number
  runs: number
  failed: number
}

/** Sums of ended runs; what is older than it is asked for is forgotten. */
export class RunSums {
  readonly #hours = new Map<number, Hour>()
  readonly #targets = new Map<number, Map<string, { readonly target: Target; bytes: number }>>()

  /** @param targets of its job; dry runs and those that never began count for nothing */
  add(run: EndedRun, targets: readonly Target[]): void {
    const { startedAt, endedAt, dryRun, totals, state } = run
    if (dryRun || startedAt === null || endedAt === null) return
    const [begin, end] = [Date.parse(startedAt), Date.parse(endedAt)]
    const took = Math.max(1, end - begin)
    for (let from = startOf(begin, HOUR_MS); from <= end; from += HOUR_MS) {
      const share = Math.max(0, Math.min(end, from + HOUR_MS) - Math.max(begin, from)) / took
      const hour = this.#hour(from)
      hour.changedBytes += totals.changedBytes * share
      hour.bytesSent += totals.bytesSent * share
    }
    const last = this.#hour(startOf(end, HOUR_MS))
    // A run that took no time has no part of an hour.
    if (end <= begin) {
      last.changedBytes += totals.changedBytes
      last.bytesSent += totals.bytesSent
    }
    last.runs++
    if (state === 'failed' || state === 'partial') last.failed++
    for (const target of targets) this.#sent(startOf(end, DAY_MS), target, totals.bytesSent / targets.length)
  }

  at(now: number): RunFigures {
    const [oldest, oldestDay] = [now - FIGURES_DAYS * DAY_MS, now - TARGET_DAYS * DAY_MS]
    for (const from of this.#hours.keys()) if (from + HOUR_MS <= oldest) this.#hours.delete(from)
    for (const day of this.#targets.keys()) if (day + DAY_MS <= oldestDay) this.#targets.delete(day)
    const hours = [...this.#hours].toSorted(([a], [b]) => a - b)
    const targets = new Map<string, TargetFigures>()
    for (const day of this.#targets.values()) {
      for (const [key, { target, bytes }] of day) {
        targets.set(key, { ...target, bytesSent: (targets.get(key)?.bytesSent ?? 0) + Math.round(bytes) })
      }
    }
    return {
      since: hours[0] === undefined ? null : toTimestamp(hours[0][0]),
      hours: hours.map(([from, { changedBytes, bytesSent, runs, failed }]) => ({
        from: toTimestamp(from),
        changedBytes: Math.round(changedBytes),
        bytesSent: Math.round(bytesSent),
        runs,
        failed,
      })),
      targets: [...targets.values()],
    }
  }

  #hour(from: number): Hour {
    const known = this.#hours.get(from)
    if (known !== undefined) return known
    const made: Hour = { changedBytes: 0, bytesSent: 0, runs: 0, failed: 0 }
    this.#hours.set(from, made)
    return made
  }

  #sent(day: number, target: Target, bytes: number): void {
    const ofDay = this.#targets.get(day) ?? new Map<string, { readonly target: Target; bytes: number }>()
    this.#targets.set(day, ofDay)
    const key = `${target.pool}/${target.sr}`
    const known = ofDay.get(key)
    if (known === undefined) ofDay.set(key, { target, bytes })
    else known.bytes += bytes
  }
}

const startOf = (time: number, step: number): number => Math.floor(time / step) * step
const toTimestamp = (time: number): Timestamp => new Date(time).toISOString()
