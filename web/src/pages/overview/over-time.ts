/** Hours of UTC, as the server tells them, put together to days and hours of the user's own zone; and what they let us expect. */
import type { HourFigures, RunFigures, TargetFigures } from '../../api/types.ts'

export interface Span {
  readonly from: Date
  readonly changedBytes: number
  readonly bytesSent: number
  readonly runs: number
  readonly failed: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The last days by the calendar, oldest first; today is the last. */
export function lastDays(figures: RunFigures, now: number, count: number): readonly Span[] {
  const today = new Date(now)
  const starts = Array.from(
    { length: count },
    (_, nth) => new Date(today.getFullYear(), today.getMonth(), today.getDate() - count + 1 + nth),
  )
  return spans(figures.hours, starts)
}

/** The last hours, oldest first; the one under way is the last. */
export function lastHours(figures: RunFigures, now: number, count: number): readonly Span[] {
  const current = Math.floor(now / HOUR_MS) * HOUR_MS
  return spans(
    figures.hours,
    Array.from({ length: count }, (_, nth) => new Date(current - (count - 1 - nth) * HOUR_MS)),
  )
}

function spans(hours: readonly HourFigures[], starts: readonly Date[]): readonly Span[] {
  return starts.map((from, nth) => {
    const until = starts[nth + 1]?.getTime() ?? Number.POSITIVE_INFINITY
    const inside = hours.filter((hour) => Date.parse(hour.from) >= from.getTime() && Date.parse(hour.from) < until)
    const sum = (key: 'changedBytes' | 'bytesSent' | 'runs' | 'failed') => inside.reduce((all, hour) => all + hour[key], 0)
    return { from, changedBytes: sum('changedBytes'), bytesSent: sum('bytesSent'), runs: sum('runs'), failed: sum('failed') }
  })
}

export type Forecast =
  /** Runs are too young to say anything. */
  { readonly kind: 'early' } | { readonly kind: 'still' } | { readonly kind: 'grows'; readonly perDay: number; readonly daysLeft: number }

/**
 * When a target is full at the earliest, by what runs sent to it in the last week: restore points that go give room back, which nobody
 * counts here.
 */
export function forecastOf(sent: TargetFigures | undefined, free: number, since: string | null, now: number): Forecast {
  if (since === null) return { kind: 'early' }
  const days = Math.min(7, (now - Date.parse(since)) / DAY_MS)
  if (days < 1) return { kind: 'early' }
  const perDay = (sent?.bytesSent ?? 0) / days
  return perDay < 1 ? { kind: 'still' } : { kind: 'grows', perDay, daysLeft: Math.floor(free / perDay) }
}
