/** Timings, selections and retention in words. */
import type { Retention, Selection, Timing, VmSelector } from '../api/types.ts'
import { duration } from './measures.ts'

export function timingInWords(timing: Timing): string {
  if (timing.kind === 'interval') return timing.minutes === 60 ? 'every hour' : `every ${duration(timing.minutes * 60)}`
  const [minute, hour, day, month, weekday] = timing.expression.trim().split(/\s+/)
  const isDaily = /^\d+$/.test(minute ?? '') && /^\d+$/.test(hour ?? '') && day === '*' && month === '*' && weekday === '*'
  if (isDaily) return `daily at ${hour?.padStart(2, '0')}:${minute?.padStart(2, '0')} (${timing.timeZone})`
  return `at ${timing.expression} (${timing.timeZone})`
}

export function retentionInWords({ last, hourly, daily, weekly, monthly }: Retention): string {
  const more = Object.entries({ hourly, daily, weekly, monthly }).flatMap(([period, count]) => (count ? [`${count} ${period}`] : []))
  return [`the newest ${last}`, ...more].join(', ')
}

/** @param nameOf name of a VM, of a pool */
export function selectorInWords(selector: VmSelector, nameOf: { vm(pool: string, vm: string): string; pool(id: string): string }): string {
  const of = selector.pool === null || selector.kind === 'vm' ? '' : ` of ${nameOf.pool(selector.pool)}`
  switch (selector.kind) {
    case 'vm':
      return nameOf.vm(selector.pool, selector.vm)
    case 'tag':
      return `all with tag “${selector.tag}”${of}`
    case 'name':
      return `all named “${selector.pattern}”${of}`
    case 'pool':
      return `all of pool ${nameOf.pool(selector.pool)}`
  }
}

export const sameSelector = (a: VmSelector, b: VmSelector): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
const sorted = (selector: VmSelector) => Object.entries(selector).toSorted(([a], [b]) => (a < b ? -1 : 1))

export const isByHand = (selection: Selection, pool: string, vm: string): boolean =>
  selection.include.some((one) => one.kind === 'vm' && one.pool === pool && one.vm === vm)
