/** Limits of bandwidth with hours. Pure. */

/** At most so many bytes a second, all day or from one minute of the day to another (which may lie beyond midnight). */
export interface BandwidthRule {
  readonly bytesPerSecond: number
  readonly hours?: { readonly from: number; readonly to: number }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }

/** `20MiB/s`, `500K`, `20M@08:00-18:30`. Undefined when it is none of these. */
export function parseBandwidthRule(text: string): BandwidthRule | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?(?:\/s)?(?:@(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2}))?$/i.exec(text.trim())
  if (found === null) return undefined
  const [, amount, unit, ...clock] = found as unknown as [string, string, string, ...(string | undefined)[]]
  const bytesPerSecond = Number(amount) * (UNITS[unit.toUpperCase()] as number)
  if (bytesPerSecond < 1024) return undefined
  if (clock[0] === undefined) return { bytesPerSecond }
  const [fromHour, fromMinute, toHour, toMinute] = clock.map(Number) as [number, number, number, number]
  if (fromHour > 24 || toHour > 24 || fromMinute > 59 || toMinute > 59) return undefined
  return { bytesPerSecond, hours: { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute } }
}

/** The limit at a minute of the day, in bytes a second: the lowest of the rules that hold then; undefined: none. */
export function bandwidthAt(rules: readonly BandwidthRule[], minuteOfDay: number): number | undefined {
  const holding = rules.filter(({ hours }) => hours === undefined || isWithin(minuteOfDay, hours))
  return holding.length === 0 ? undefined : Math.min(...holding.map(({ bytesPerSecond }) => bytesPerSecond))
}

function isWithin(minute: number, { from, to }: { readonly from: number; readonly to: number }): boolean {
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to
}
