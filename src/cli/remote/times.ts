/** Times for people: how long ago or how soon, or exactly. */
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `now`, `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`, `45 d`. Whole seconds, without sign. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < MINUTE) return `${whole} s`
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`
  if (whole < DAY) return both(Math.floor(whole / HOUR), 'h', Math.floor((whole % HOUR) / MINUTE), 'min')
  const days = Math.floor(whole / DAY)
  return days < 10 ? both(days, 'd', Math.floor((whole % DAY) / HOUR), 'h') : `${days} d`
}

function both(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/** `3 h ago`, `in 5 min`; an empty text for no time. `exact`: `2026-11-23 14:37:35` of this machine's time zone. */
export function when(time: string | null | undefined, now: number, exact = false): string {
  if (time === null || time === undefined) return ''
  const at = Date.parse(time)
  if (Number.isNaN(at)) return time
  if (exact) return exactTime(at)
  const seconds = (now - at) / 1000
  return seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`
}

export function exactTime(at: number): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

const UNITS: Readonly<Record<string, number>> = { m: 1, min: 1, h: 60, d: 24 * 60, w: 7 * 24 * 60 }

/** `10m`, `1h30m`, `2d`, `90`: minutes; undefined when it is none. */
export function parseMinutes(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  const found = /^(?:\d+(?:min|[mhdw]))+$/i.test(text) ? [...text.matchAll(/(\d+)(min|[mhdw])/gi)] : []
  return found.length === 0
    ? undefined
    : found.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[(unit as string).toLowerCase()] as number), 0)
}

/** Minutes as somebody would write them: `90` as `1h30m`. */
export function formatMinutes(minutes: number): string {
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60]
  return [days && `${days}d`, hours && `${hours}h`, rest && `${rest}m`].filter(Boolean).join('') || '0m'
}

/** `2026-11-23`, `2026-11-23T14:00` (this machine's time zone unless it says another), or `2d`: so long before `now`. Milliseconds. */
export function parseTime(text: string, now: number): number | undefined {
  const ago = /^\d+$/.test(text) ? undefined : parseMinutes(text)
  if (ago !== undefined) return now - ago * 60_000
  const found = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text)
  if (found === null) return undefined
  // A date alone would be taken for UTC.
  const at = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'))
  return Number.isNaN(at) ? undefined : at
}
