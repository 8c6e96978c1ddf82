/** Which restore points go and which stay, each with its reason. Pure. */
import { newestFirst } from './restore-point-order.ts'

export interface Kept {
  readonly uuid: string
  readonly keep: boolean
  readonly reason: string
}

interface Point {
  readonly uuid: string
  readonly schedule: string | undefined
  readonly takenAt: number
  readonly generation: number
  readonly complete: boolean
}

/**
 * Keeps the newest `keep` complete restore points of `schedule`; those of other schedules are theirs to judge. The newest of
 * all is kept whatever `keep` says: it is the base of the next delta (G5). What is not complete is no restore point and goes.
 */
export function judgeRestorePoints(points: readonly Point[], schedule: string, keep: number): Kept[] {
  // Only what is complete takes part in the order, as wherever the newest is asked for.
  const ordered = newestFirst(points.filter(({ complete }) => complete))
  const newest = ordered[0]?.uuid
  let counted = 0
  const judged = ordered.map(({ uuid, schedule: owner }) => {
    if (owner !== schedule) return { uuid, keep: true, reason: 'belongs to another schedule' }
    counted++
    if (counted <= keep) return { uuid, keep: true, reason: `among the newest ${keep}` }
    if (uuid === newest) return { uuid, keep: true, reason: 'the newest restore point, base of the next delta' }
    return { uuid, keep: false, reason: `beyond the newest ${keep}` }
  })
  const broken = points.filter(({ complete }) => !complete)
  const reason = 'left behind by an interrupted run, not a restore point'
  return [...judged, ...broken.map(({ uuid }) => ({ uuid, keep: false, reason }))]
}
