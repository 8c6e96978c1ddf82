/** The order of restore points. Pure. */

interface Ordered {
  readonly takenAt: number
  readonly generation: number
}

/**
 * A copy of the list, newest first. Among those with a generation it decides: clocks go backwards, and two source snapshots can
 * share a second. Those of another tool (generation 0) are placed among them by time, where a point counts as no older than any
 * of a lower generation: pair by pair, time and generation together could go round in circles.
 */
export function newestFirst<P extends Ordered>(points: readonly P[]): P[] {
  let latest = Number.NEGATIVE_INFINITY
  const ordered = points
    .toSorted((a, b) => a.generation - b.generation || a.takenAt - b.takenAt)
    .map((point) => {
      if (point.generation > 0) latest = Math.max(latest, point.takenAt)
      return { point, time: point.generation > 0 ? latest : point.takenAt }
    })
  // Stable, and of the same time the lower generation came first: compared, not subtracted, since a time may be infinite.
  return ordered
    .reverse()
    .sort((a, b) => (a.time === b.time ? 0 : a.time < b.time ? 1 : -1))
    .map(({ point }) => point)
}
