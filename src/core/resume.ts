/** Whether an interrupted run can be taken up where it stopped. Pure. */
import type { ReplicaDisk, SourceFacts, SourceSnapshotDisk, TargetFacts } from './observation.ts'

export interface Resumable {
  /** uuid of the source snapshot VM that the interrupted run read and that still has its data. */
  readonly snapshot: string
  /** By uuid of the source disk: its part of the snapshot, and the replica's disk that holds the beginning of it, if any. */
  readonly disks: ReadonlyMap<string, { readonly snapshot: SourceSnapshotDisk; readonly live: ReplicaDisk | undefined }>
}

/**
 * A run can be resumed when its source snapshot still has the data of exactly the disks that the VM has now, unchanged in size, and a
 * disk of the replica has a checkpoint of it.
 */
export function findResumable(source: SourceFacts, target: TargetFacts, carried: (uuid: string) => boolean): Resumable | undefined {
  const wanted = source.disks.filter(({ uuid }) => carried(uuid))
  for (const { uuid: snapshot, unfinished, disks: held } of source.snapshots) {
    if (!unfinished || held.length !== wanted.length) continue
    const found = new Map<string, { snapshot: SourceSnapshotDisk; live: ReplicaDisk | undefined }>()
    for (const disk of wanted) {
      const part = disk.snapshots.find(({ snapshotVm, kind }) => snapshotVm === snapshot && kind === 'data')
      if (part === undefined || part.size !== disk.size) break
      const live = target.replica?.disks.find(({ writing, ours }) => ours && writing?.to === part.uuid)
      found.set(disk.uuid, { snapshot: part, live })
    }
    if (found.size === wanted.length && [...found.values()].some(({ live }) => (live?.writing?.done ?? 0) > 0))
      return { snapshot, disks: found }
  }
  return undefined
}
