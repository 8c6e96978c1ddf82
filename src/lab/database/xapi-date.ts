/** A date as XAPI writes it: `20240131T12:34:56Z`, in UTC, to the second. */
export function xapiDate(date: Date): string {
  return `${date.toISOString().slice(0, 19).replaceAll('-', '')}Z`
}

/** Milliseconds since the epoch of a date as XAPI writes it; undefined when it is none. */
export function parseXapiDate(text: string): number | undefined {
  const found = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?Z?$/.exec(text)
  if (!found) return undefined
  const [, year, month, day, hour, minute, second] = found.map(Number) as [number, number, number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
