/** When a schedule fires. Pure: instants are milliseconds since the epoch. */

export interface Ticks {
  /** The first tick later than `time`; null: none comes any more. */
  after(time: number): number | null
  /** The last tick at or before `time`; null: there was none. */
  atOrBefore(time: number): number | null
  /** How many ticks are later than `from` and not later than `to`; counting ends at `most`. */
  count(from: number, to: number, most: number): number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Ticks at multiples of `minutes` since the epoch, each `spread` milliseconds later. */
export function intervalTicks(minutes: number, spread: number): Ticks {
  const every = minutes * MINUTE
  const nth = (time: number) => Math.floor((time - spread) / every)
  return {
    after: (time) => (nth(time) + 1) * every + spread,
    atOrBefore: (time) => nth(time) * every + spread,
    count: (from, to, most) => Math.min(most, Math.max(0, nth(to) - nth(from))),
  }
}

/** No schedule is moved further than this, however long its interval is. */
const MOST_SPREAD = 10 * MINUTE

/**
 * By how much the ticks of a job's intervals are moved, in milliseconds: always the same for a job, and different for most, so that jobs
 * of one interval do not all start in the same second. Less than half of the interval, and than ten minutes.
 */
export function spreadOf(job: string, minutes: number): number {
  const share = Math.min((minutes * MINUTE) / 2, MOST_SPREAD)
  return Math.floor((hash(job) / 2 ** 32) * share)
}

/** FNV-1a with a final mix: the first characters of two uuids may differ in little. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  return (value ^ (value >>> 16)) >>> 0
}

/** Looked at for the longest gap: a month has every weekday and every day of a month. */
const GAP_HORIZON = 35 * DAY
const CLOSE_TICKS = 30
const LEAP = 2 * HOUR

/**
 * The longest time between two ticks in the five weeks after `from` (or the one gap that is longer than these); null: fewer than two ticks come.
 * A gap of less than two hours far behind the first ticks may be overlooked where ticks are close.
 */
export function longestGap(ticks: Ticks, from: number): number | null {
  let at = ticks.after(from)
  let longest: number | null = null
  for (let nth = 0; at !== null && at < from + GAP_HORIZON; nth++) {
    const next = ticks.after(at)
    if (next === null) break
    longest = Math.max(longest ?? 0, next - at)
    at = nth > CLOSE_TICKS && next - at < LEAP ? Math.max(next, ticks.atOrBefore(next + LEAP) ?? next) : next
  }
  return longest
}
