/** Disks that stay out of a replica, by their name or by their job. */
import type { Reason } from './base.ts'
import type { SourceDisk } from './observation.ts'

/** A mark in a disk's name that keeps it out, as the original understands it: in backups and replicas, or in snapshots altogether. */
const EXCLUDED = /\[(?:NOBAK|NOSNAP)\]/i

export const isExcludedByName = (name: string): boolean => EXCLUDED.test(name)

/** Why a disk is left out; undefined: it is not. */
export function exclusion({ name, excludedByJob }: SourceDisk): Reason | undefined {
  if (excludedByJob === true) return { code: 'excluded-by-job', text: 'its job leaves it out' }
  return isExcludedByName(name) ? { code: 'excluded-by-name', text: 'its name carries [NOBAK] or [NOSNAP]' } : undefined
}
