/** What to do when a disk that has restore points would have to be sent whole again. Pure. */
import type { BaseChoice, FullReason } from './base.ts'
import type { RestorePoint, RestorePointDisk, SourceDisk } from './observation.ts'
import { newestFirst } from './restore-point-order.ts'

/**
 * - `full`: send the disk whole, with the reason in plan and report
 * - `refuse`: no run; somebody has to decide
 * - `repair`: read both sides, compare, send only what differs
 */
export type BrokenChainPolicy = 'full' | 'refuse' | 'repair'

/** Reasons for a full copy that are no first copy: data of this disk was on the target before. */
const BROKEN: ReadonlySet<string> = new Set<FullReason>([
  'base-gone-on-source',
  'base-gone-on-target',
  'base-not-usable',
  'disk-shrunk',
  'new-disk',
])

/** Whether a full copy is one that nobody asked for. A disk in a position that no restore point has is simply new. */
export function isBroken(choice: BaseChoice, disk: SourceDisk, points: readonly RestorePoint[]): boolean {
  if (choice.kind !== 'full' || !BROKEN.has(choice.reason.code)) return false
  return choice.reason.code !== 'new-disk' || olderCopy(disk, points) !== undefined
}

/** The newest restore point's disk at the same position: the likeliest to have most of the content. */
export function olderCopy(disk: SourceDisk, points: readonly RestorePoint[]): RestorePointDisk | undefined {
  const [newest] = newestFirst(points.filter(({ complete }) => complete))
  return newest?.disks.find(({ userdevice }) => userdevice === disk.userdevice)
}

/** The choice with the policy applied; `refuse` is the caller's. */
export function repaired(choice: BaseChoice, disk: SourceDisk, points: readonly RestorePoint[]): BaseChoice {
  const copy = olderCopy(disk, points)
  // A copy larger than the disk would have to shrink, which storage refuses.
  if (choice.kind !== 'full' || copy === undefined || choice.reason.code === 'disk-shrunk') return choice
  const text = `${choice.reason.text}; both sides are read and compared, and only what differs is sent`
  return { kind: 'full', landing: { kind: 'repair', of: copy.uuid }, reason: { ...choice.reason, code: 'repair', text } }
}
