/** Times are text in ISO 8601 everywhere but in the database, which orders and compares milliseconds. */
import type { Timestamp } from '../core/control/job.ts'

export const toTimestamp = (milliseconds: number): Timestamp => new Date(milliseconds).toISOString()

export const fromTimestamp = (time: Timestamp): number => {
  const milliseconds = Date.parse(time)
  if (Number.isNaN(milliseconds)) throw new RangeError(`no time: ${time}`)
  return milliseconds
}

export const toTimestampOrNull = (milliseconds: number | null): Timestamp | null =>
  milliseconds === null ? null : toTimestamp(milliseconds)

export const fromTimestampOrNull = (time: Timestamp | null): number | null => (time === null ? null : fromTimestamp(time))
