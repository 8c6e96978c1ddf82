/** Sizes, times and ages for people. Binary units; times in the user's own zone. */
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  let amount = value
  let unit = 0
  while (Number(amount.toFixed(unit === 0 ? 0 : 1)) >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024
    unit++
  }
  return unit === 0 ? `${amount} B` : `${amount.toFixed(1)} ${UNITS[unit]}`
}

/** `0.4 s`, `47 s`, `12 min`, `3 h 5 min`, `2 d 4 h`; what is too short to be told is `< 0.1 s` */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–'
  if (seconds < 0.05) return '< 0.1 s'
  if (seconds < 0.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return whole < 600 && whole % 60 > 0 ? `${minutes} min ${whole % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 > 0 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  const days = Math.floor(hours / 24)
  return hours % 24 > 0 ? `${days} d ${hours % 24} h` : `${days} d`
}

/** `in 3 min`, `12 min ago`, `just now` */
export function relative(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1000
  if (Math.abs(seconds) < 5) return seconds > 0 ? 'now' : 'just now'
  return seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`
}

/** How much of the past is lost; `nothing` when that is nothing at all. */
export const lossOf = (seconds: number | null): string => (seconds === 0 ? 'nothing' : duration(seconds))

const INSTANT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)(?: \(\d+ seconds? ago\))?/

/** A sentence of the server: every second part is an instant (ISO 8601), without how long ago it was when that was said. */
export const partsWithInstants = (text: string): string[] => text.split(INSTANT)
/** What the server tells has times as they are stored (`2026-11-23T14:37:35.000Z`): shown as the user's clock has them. */
const localTimes = (text: string): string => text.replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z/g, exact)

/** Clauses as sentences: errors and hints begin in lower case. */
export const sentences = (...clauses: readonly string[]): string =>
  clauses
    .map(localTimes)
    .filter((clause) => clause !== '')
    .map((clause) => `${clause.charAt(0).toUpperCase()}${clause.slice(1)}${/[.!?]$/.test(clause) ? '' : '.'}`)
    .join(' ')

/** Without seconds. */
export const toTheMinute = (time: string): string => new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export const exact = (time: string): string => new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
