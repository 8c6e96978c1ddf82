/**
 * Source snapshots that several chains of a job are built on: one run with several targets takes one snapshot, and each target's chain has
 * a claim on it. What one chain no longer needs may be the base of another, whose last run failed. Pure.
 */
import type { SourceFacts } from './observation.ts'
import type { Removal } from './removals.ts'

/** One chain that takes part in a run. */
export interface Chain {
  /** uuid of the target SR */
  readonly sr: string
  readonly removals: readonly Removal[]
}

export interface MergedRemoval extends Removal {
  /** Chains that let it go. With `keptFor` only their claims on it end. */
  readonly by: readonly string[]
}

/**
 * The removals of all chains, each object once, and no earlier than the last of them allows. What every chain with a claim lets go is removed.
 * The order of each list is kept.
 */
export function mergeRemovals(chains: readonly Chain[]): MergedRemoval[] {
  const out: { removal: Removal; by: string[] }[] = []
  for (const { sr, removals } of chains) {
    let at = 0
    for (const removal of removals) {
      const known = out.findIndex((candidate) => candidate.removal.uuid === removal.uuid)
      const other = out[known]
      if (other !== undefined) {
        other.by.push(sr)
        // A left-over to one chain may be the base of another: then it goes when that one has its restore point.
        if (removal.when === 'after' && other.removal.when === 'before') other.removal = removal
        at = Math.max(at, known + 1)
      } else out.splice(at++, 0, { removal, by: [sr] })
    }
  }
  return out.map(({ removal: { keptFor, ...removal }, by }) => {
    const others = keptFor?.filter((sr) => !by.includes(sr)) ?? []
    return { ...removal, by, ...(others.length === 0 ? {} : { keptFor: others }) }
  })
}

/**
 * Whether tracked snapshots older than the one just taken stay on the source: a record of changes can be removed only as the oldest link
 * of its chain (a file SR breaks it otherwise), a snapshot with its data anywhere, so that the new one has to keep its data.
 * @param succeeded what the chains saw whose targets have their restore point
 * @param removals what is removed, or let go, after it
 */
export function trackedStay(succeeded: readonly SourceFacts[], removals: readonly MergedRemoval[]): boolean {
  const held = (uuid: string) => succeeded.flatMap(({ snapshots }) => snapshots.find((snapshot) => snapshot.uuid === uuid)?.disks ?? [])
  const disksOf = (list: readonly MergedRemoval[]) => new Set(list.flatMap(({ kind, uuid }) => (kind === 'disk' ? [uuid] : held(uuid))))
  const removed = disksOf(removals.filter(({ keptFor }) => keptFor === undefined))
  const left = disksOf(removals.filter(({ keptFor }) => keptFor !== undefined))
  return succeeded.some(({ disks }) =>
    disks.some(
      ({ snapshots, foreignCbtSnapshots }) =>
        snapshots.some(({ uuid, cbt }) => cbt && left.has(uuid)) || foreignCbtSnapshots.some(({ uuid }) => !removed.has(uuid)),
    ),
  )
}
