/** The order of restore points. Pure. */

interface Ordered {
  readonly takenAt: number
  readonly generation: number
}

/**
 * For sorting, newest first. The generation decides where both have one: clocks go backwards, and two source snapshots can share
 * a second; the time decides for chains that another tool began.
 */
export function newestFirst(a: Ordered, b: Ordered): number {
  if (a.generation > 0 && b.generation > 0) return b.generation - a.generation
  return b.takenAt - a.takenAt || b.generation - a.generation
}
