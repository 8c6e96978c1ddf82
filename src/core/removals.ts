/** What a run removes on both sides: left-overs before it writes, what it makes superfluous once its restore point exists. Pure. */
import type { SourceFacts, SourceSnapshotDisk, TargetFacts } from './observation.ts'
import type { JudgedOriginals } from './originals.ts'
import type { Kept } from './retention.ts'

export interface Removal {
  readonly side: 'source' | 'target'
  /** `copy-vm`: a VM by itself that is a restore point of the original's, with its disks. */
  readonly kind: 'vm-with-disks' | 'copy-vm' | 'disk'
  readonly uuid: string
  readonly name: string
  readonly reason: string
  /** `before`: left-overs, at the start of the run; `after`: once the new restore point exists. */
  readonly when: 'before' | 'after'
  /** Target SRs whose chains still have a claim on it: it is not removed, only this chain's claim on it. */
  readonly keptFor?: readonly string[]
}

/**
 * Source snapshots that this run makes superfluous, oldest first; what a base needs goes only after the new restore point exists.
 * @param leftOut uuids of source disks that are not carried over
 */
export function sourceRemovals(
  source: SourceFacts,
  bases: ReadonlySet<string>,
  leftOut: ReadonlySet<string>,
  originals: JudgedOriginals,
): Removal[] {
  const judge = (uuids: readonly string[], exported: boolean): Pick<Removal, 'when' | 'reason'> => {
    if (uuids.some((uuid) => bases.has(uuid))) return { when: 'after', reason: 'base of this run, replaced by its snapshot' }
    if (exported && isOfLeftOut(uuids, source, leftOut)) return { when: 'after', reason: LEFT_OUT[uuids.length === 1 ? 'one' : 'several'] }
    if (exported) return { when: 'after', reason: 'older than what the newest restore point was made of' }
    return { when: 'before', reason: 'left behind by an interrupted run' }
  }
  const served = (uuids: readonly string[]) =>
    uuids.some((uuid) => originals.superseded.has(uuid)) && !uuids.some((uuid) => bases.has(uuid))
  const removable = source.snapshots.filter(({ byOriginal, disks: held }) => byOriginal !== true || served(held))
  const vms = removable.map(({ uuid, name, disks: held, unfinished, marks, alsoFor }): Removal => {
    return { side: 'source', kind: 'vm-with-disks', uuid, name, ...judge(held, marks.exported && !unfinished), ...kept(alsoFor) }
  })
  const strays = source.strayDisks
    .filter(({ byOriginal, uuid }) => byOriginal !== true || served([uuid]))
    .sort((a, b) => a.takenAt - b.takenAt)
    .filter((stray) => !holdsOthersTogether(stray, source, originals))
    .map(({ uuid, kind, takenAt, marks, alsoFor }): Removal => {
      return {
        side: 'source',
        kind: 'disk',
        uuid,
        name: `${kind === 'data' ? 'snapshot' : 'record of changes'} of disk ${deviceOf(uuid, source)}, ${formatAge(takenAt)}`,
        ...judge([uuid], marks.exported),
        ...kept(alsoFor),
      }
    })
  return [...vms, ...strays]
}

const LEFT_OUT = {
  one: 'its disk is left out: no restore point will be made of it',
  several: 'all its disks are left out: no restore point will be made of them',
} as const

/** Whether all that these are snapshots of is left out. */
function isOfLeftOut(snapshots: readonly string[], source: SourceFacts, leftOut: ReadonlySet<string>): boolean {
  const of = snapshots.map((uuid) => source.disks.find((disk) => disk.snapshots.some((snapshot) => snapshot.uuid === uuid))?.uuid)
  return of.length > 0 && of.every((uuid) => uuid !== undefined && leftOut.has(uuid))
}

const kept = (srs: readonly string[] | undefined): Pick<Removal, 'keptFor'> => (srs === undefined ? {} : { keptFor: srs })

/**
 * A file SR unlinks the log of a destroyed cbt_metadata disk before its neighbours are linked to each other, which breaks every
 * comparison across that place. So such a record goes only as the oldest link: not while somebody else's tracked snapshot is older.
 */
function holdsOthersTogether(stray: SourceSnapshotDisk, source: SourceFacts, { staying }: JudgedOriginals): boolean {
  if (stray.kind !== 'cbt-metadata') return false
  const disk = source.disks.find(({ snapshots }) => snapshots.some(({ uuid }) => uuid === stray.uuid))
  const theirs = disk?.snapshots.filter((snapshot) => snapshot.cbt && staying.includes(snapshot)) ?? []
  return [...theirs, ...(disk?.foreignCbtSnapshots ?? [])].some(({ takenAt }) => takenAt <= stray.takenAt)
}

const deviceOf = (snapshot: string, source: SourceFacts) =>
  source.disks.find(({ snapshots }) => snapshots.some(({ uuid }) => uuid === snapshot))?.userdevice ?? '(gone)'

const formatAge = (milliseconds: number) => new Date(milliseconds).toISOString()

export function targetRemovals(target: TargetFacts, retention: readonly Kept[]): Removal[] {
  const points = retention
    .filter(({ keep }) => !keep)
    .map(({ uuid, reason }): Removal => {
      const point = target.restorePoints.find((candidate) => candidate.uuid === uuid)
      const kind = point?.copyVm === undefined ? 'vm-with-disks' : 'copy-vm'
      return { side: 'target', kind, uuid, name: point?.name ?? uuid, reason, when: point?.complete ? 'after' : 'before' }
    })
  const strays = target.strayDisks.map(
    ({ uuid, name }): Removal => ({
      side: 'target',
      kind: 'disk',
      uuid,
      name,
      reason: 'left behind by an interrupted run',
      when: 'before',
    }),
  )
  return [...points, ...strays]
}
