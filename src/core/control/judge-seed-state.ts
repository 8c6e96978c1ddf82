/** How a seed that was linked stands until the job's first delta. Pure. */
import type { SeedState } from './seed-record.ts'

export interface SeedFacts {
  readonly points: readonly { readonly uuid: string; readonly takenAt: number; readonly copyOf: string | undefined }[]
  readonly replica:
    | {
        readonly uuid: string
        readonly powerState: string
        /** When it was last started, as far as its pool knows; milliseconds. */
        readonly startedAt: number | undefined
        /** Whether any disk was written since the restore point, as far as change tracking tells. */
        readonly written: boolean
      }
    | undefined
  /** Whether the source has the snapshot of a uuid; undefined: its pool does not answer. */
  readonly sourceHas: ((snapshot: string) => boolean) | undefined
  readonly now: number
}

/** The first delta of an older one is told to be large. */
const OLD_MS = 7 * 86_400_000

export function judgeSeedState({ points, replica, sourceHas, now }: SeedFacts): SeedState {
  const [newest] = points
  const common = {
    takenAt: newest === undefined ? null : new Date(newest.takenAt).toISOString(),
    snapshot: newest?.copyOf ?? null,
    replica: replica?.uuid ?? null,
  }
  const say = (state: SeedState['state'], text: string, hint = ''): SeedState => ({ state, text, hint, ...common })
  if (newest === undefined) return say('none', 'there is no restore point yet', 'seed it, or run the job: that is a full copy')
  if (points.length > 1) return say('used', `the job has gone on from it: there are ${points.length} restore points`)
  const started = replica?.startedAt
  if (replica !== undefined && (replica.powerState !== 'Halted' || (started !== undefined && started > newest.takenAt)))
    return say(
      'started',
      `the replica ${replica.powerState === 'Halted' ? `was started at ${new Date(started ?? 0).toISOString()}` : `is ${replica.powerState.toLowerCase()}`}`,
      'shut it down: the next run takes a clone of the restore point in place of what it wrote, and sends a delta',
    )
  if (replica?.written === true)
    return say(
      'altered',
      'the disks of the replica were written to since it was linked',
      'nothing: the next run takes a clone of the restore point in place of the disk, and sends a delta',
    )
  if (newest.copyOf !== undefined && sourceHas?.(newest.copyOf) === false)
    return say(
      'base-gone',
      'the source snapshot that the first delta builds on was deleted',
      'set what becomes of a broken chain to repair: the next run compares both sides and sends what differs; or seed again',
    )
  const days = Math.floor((now - newest.takenAt) / 86_400_000)
  if (now - newest.takenAt > OLD_MS)
    return say(
      'old',
      `it is ${days} days old: the first delta has all that changed since`,
      'run the job soon: each day costs what changed that day',
    )
  return say('fresh', 'the next run sends a delta', 'leave the source snapshot where it is, and the replica unstarted')
}
