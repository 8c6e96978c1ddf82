/** Jobs and schedules in words. */
import type { Job, JobSettings, Schedule, Selection, Timing, VmSelector } from '../../core/control/job.ts'
import { RETENTION_PERIODS, type RetentionRule } from '../../core/retention.ts'
import type { Names } from './names.ts'
import { facts } from './table.ts'
import { formatMinutes, when } from './times.ts'

export function timingText(timing: Timing): string {
  return timing.kind === 'interval' ? `every ${formatMinutes(timing.minutes)}` : `${timing.expression} (${timing.timeZone})`
}

export function retentionText(rule: RetentionRule): string {
  return [`last ${rule.last}`, ...RETENTION_PERIODS.flatMap((period) => (rule[period] ? [`${period} ${rule[period]}`] : []))].join(', ')
}

export function selectorText(selector: VmSelector, names: Names, vmName: (pool: string, vm: string) => string | undefined): string {
  const of = (pool: string | null) => (pool === null ? '' : ` of ${names.pool(pool)}`)
  switch (selector.kind) {
    case 'vm':
      return `VM ${vmName(selector.pool, selector.vm) ?? selector.vm}${of(selector.pool)}`
    case 'tag':
      return `tag ${selector.tag}${of(selector.pool)}`
    case 'name':
      return `name ${selector.pattern}${of(selector.pool)}`
    case 'pool':
      return `all of ${names.pool(selector.pool)}`
    default:
      return selector satisfies never
  }
}

type VmName = (pool: string, vm: string) => string | undefined

export function selectionText({ include, exclude }: Selection, names: Names, vmName: VmName): string {
  const words = (selectors: readonly VmSelector[]) => selectors.map((each) => selectorText(each, names, vmName)).join(', ')
  const chosen = include.length === 0 ? 'nothing' : words(include)
  return exclude.length === 0 ? chosen : `${chosen}; but not ${words(exclude)}`
}

export function settingsText(settings: JobSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ')
}

export function jobText(job: Job, names: Names, vmName: VmName, next: ReadonlyMap<string, string | null>, wide: boolean): string {
  const now = Date.now()
  const head = facts([
    ['Name', job.name],
    ['Enabled', job.enabled ? 'yes' : 'no'],
    ['VMs', selectionText(job.selection, names, vmName)],
    ['Targets', job.targets.map((target) => names.target(target)).join(', ')],
    ['Settings', settingsText(job.settings) || 'the usual ones'],
    ['Changed', when(job.updatedAt, now, wide)],
    ['Id', job.id],
  ])
  return head + job.schedules.map((schedule) => `\n${scheduleText(schedule, next.get(schedule.id) ?? null, now, wide)}`).join('')
}

function scheduleText(schedule: Schedule, next: string | null, now: number, wide: boolean): string {
  return facts([
    ['Schedule', schedule.name],
    ['  Enabled', schedule.enabled ? 'yes' : 'no'],
    ['  When', timingText(schedule.timing)],
    ['  Next', when(next, now, wide) || undefined],
    ['  Keeps', retentionText(schedule.retention)],
    ['  Settings', settingsText(schedule.settings) || undefined],
    ['  Id', schedule.id],
  ])
}
