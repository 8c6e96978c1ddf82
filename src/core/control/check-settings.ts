/** Whether settings of the server can be. Pure. */
import { Failure } from '../failure.ts'
import type { ServerSettings } from './settings.ts'

/** The least and the most of each number: for the API's schema and the command line too. */
export const SETTING_LIMITS = {
  vmRunsPerPool: [1, 100],
  vmRunsPerSr: [1, 100],
  vmRunsAtOnce: [1, 500],
  keepRunsDays: [1, 3650],
  keepDetailsDays: [1, 3650],
  keepAuditDays: [1, 3650],
} as const satisfies Partial<Record<keyof ServerSettings, readonly [number, number]>>

/** Throws Failure SETTINGS_INVALID for the first that can not be. */
export function checkSettings(settings: ServerSettings): void {
  for (const [name, [least, most]] of Object.entries(SETTING_LIMITS)) {
    const value = settings[name as keyof typeof SETTING_LIMITS]
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new Failure('SETTINGS_INVALID', `${name} has to be a whole number from ${least} to ${most}, not ${value}`)
  }
  const { dailyReportAt, maintenance } = settings
  if (dailyReportAt !== null && !/^([01]\d|2[0-3]):[0-5]\d$/.test(dailyReportAt))
    throw new Failure('SETTINGS_INVALID', `dailyReportAt has to be a time such as 07:30, not ${dailyReportAt.slice(0, 20)}`)
  for (const { name, from, until } of maintenance) {
    const [begin, end] = [Date.parse(from), Date.parse(until)]
    if (!(begin < end)) throw new Failure('SETTINGS_INVALID', `maintenance window "${name.slice(0, 100)}" does not begin before it ends`)
  }
}
