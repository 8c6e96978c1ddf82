/** Whether a job or a schedule says what can be. Pure; the API's schemas check shapes, this what shapes do not tell. */
import { parseBandwidthRule } from '../bandwidth.ts'
import { Failure } from '../failure.ts'
import { VERIFY_MODES } from '../report.ts'
import { RETENTION_PERIODS } from '../retention.ts'
import type { JobSettings, JobSpec, ScheduleSpec, Selection, Target, VmSelector } from './job.ts'

const invalid = (text: string) => new Failure('JOB_INVALID', text)

/** Throws Failure JOB_INVALID for the first thing that can not be. */
export function checkJob(spec: JobSpec): void {
  checkName(spec.name, 'the job')
  checkSelection(spec.selection)
  if (spec.targets.length === 0) throw invalid('the job has no target')
  const targets = new Set(spec.targets.map(({ pool, sr }) => `${pool}/${sr}`))
  if (targets.size < spec.targets.length) throw invalid('the job names a target twice')
  for (const target of spec.targets) checkTarget(target)
  checkSettings(spec.settings)
}

/** Whether its cron expression can be read is asked of who reads it. */
export function checkSchedule(spec: ScheduleSpec): void {
  checkName(spec.name, 'the schedule')
  if (spec.timing.kind === 'interval') checkCount(spec.timing.minutes, 'minutes of the interval', 1, 10_080)
  checkCount(spec.retention.last, 'restore points that are kept', 1, 1000)
  for (const period of RETENTION_PERIODS) checkCount(spec.retention[period], `${period} restore points that are kept`, 0, 1000)
  checkSettings(spec.settings)
}

function checkName(name: string, what: string): void {
  if (name.trim() === '' || name.length > 200) throw invalid(`the name of ${what} has to be of 1 to 200 characters`)
}

export function checkSelection({ include, exclude }: Selection): void {
  if (include.length === 0) throw invalid('the selection chooses nothing')
  for (const selector of [...include, ...exclude]) checkSelector(selector)
}

function checkSelector(selector: VmSelector): void {
  if (selector.kind === 'vm') checkUuid(selector.vm, 'a VM')
  if (selector.kind === 'tag' && selector.tag === '') throw invalid('a tag is empty')
  if (selector.kind === 'name' && (selector.pattern === '' || selector.pattern.length > 500))
    throw invalid('a name pattern has to be of 1 to 500 characters')
}

function checkTarget({ sr }: Target): void {
  checkUuid(sr, 'a storage repository')
}

function checkUuid(text: string, what: string): void {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) throw invalid(`"${text.slice(0, 100)}" is no uuid of ${what}`)
}

const POLICIES = ['full', 'refuse', 'repair']

export function checkSettings(settings: JobSettings): void {
  const { verify, onBrokenChain, limits = [], rpoMinutes } = settings
  if (verify !== undefined && !VERIFY_MODES.includes(verify)) throw invalid(`verify is one of ${VERIFY_MODES.join(', ')}, not ${verify}`)
  if (onBrokenChain !== undefined && !POLICIES.includes(onBrokenChain))
    throw invalid(`onBrokenChain is one of ${POLICIES.join(', ')}, not ${onBrokenChain}`)
  for (const limit of limits)
    if (parseBandwidthRule(limit) === undefined)
      throw invalid(`a limit is a rate such as 20MiB/s or 20MiB/s@08:00-18:00, not "${limit.slice(0, 100)}"`)
  checkCount(settings.vmsAtOnce, 'VMs at once', 1, 100)
  checkCount(settings.disksAtOnce, 'disks at once', 1, 32)
  checkCount(settings.retries, 'retries', 0, 20)
  checkCount(settings.timeoutMinutes, 'minutes that a VM run may take', 1, 60 * 24 * 14)
  checkCount(settings.waitMinutes, 'minutes that are waited for a VM', 0, 60 * 24)
  if (rpoMinutes !== null) checkCount(rpoMinutes, 'minutes of the asked RPO', 1, 60 * 24 * 366)
}

function checkCount(value: number | undefined, what: string, least: number, most: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
    throw invalid(`the ${what} have to be a whole number from ${least} to ${most}, not ${value}`)
}
