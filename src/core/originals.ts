/**
 * What to do with the snapshots that the original's runs left on the source. One is the base of the run that continues its chain; others
 * may be restore points that its job keeps there, or the bases of its other targets. Pure.
 */
import type { Reason } from './base.ts'
import type { SourceFacts, SourceSnapshotDisk, TargetFacts } from './observation.ts'

export interface JudgedOriginals {
  /** uuids of snapshot disks that an earlier run of ours was based on: they have served. */
  readonly superseded: ReadonlySet<string>
  /** Disks of snapshots that stay, bases of the run that is planned left out. */
  readonly staying: readonly SourceSnapshotDisk[]
}

/**
 * A base of the original's goes one run later than one of ours would: until then every other target of its job can be continued as well.
 * @param bases uuids of the snapshot disks that the planned run is based on
 */
export function judgeOriginals(source: SourceFacts, target: TargetFacts, bases: ReadonlySet<string>): JudgedOriginals {
  const superseded = new Set(target.restorePoints.flatMap(({ madeFrom }) => madeFrom ?? []))
  const staying = source.disks
    .flatMap(({ snapshots }) => snapshots)
    .filter(({ byOriginal, uuid }) => byOriginal === true && !superseded.has(uuid) && !bases.has(uuid))
  return { superseded, staying }
}

/** Whether records of changes would come to lie between snapshots that stay and that are tracked too; see holdsOthersTogether in plan.ts. */
export const keepsData = ({ staying }: JudgedOriginals): boolean => staying.some(({ cbt }) => cbt)

export function warnOfOriginals({ staying }: JudgedOriginals, target: TargetFacts): Reason[] {
  const out: Reason[] = []
  const snapshots = new Set(staying.map(({ snapshotVm, uuid }) => snapshotVm ?? uuid))
  if (snapshots.size > 0) {
    out.push({
      code: 'original-snapshots-stay',
      text: `${snapshots.size} snapshot(s) of the source that Xen Orchestra made for this job stay: only those that a run replaced are removed`,
      avoid: 'delete them when nobody needs them',
    })
  }
  for (const { uuid, name, why } of target.doubtful ?? []) {
    out.push({ code: 'not-touched', text: `"${name}" (${uuid}) on the target carries this job's marks, but ${why}: it is left alone` })
  }
  return out
}
