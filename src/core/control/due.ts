/** Whether a schedule is due, and for which tick. Pure. */
import type { Ticks } from './ticks.ts'

export interface DueFacts {
  readonly now: number
  /** The newest tick that a run was made of, or when the schedule was enabled. */
  readonly lastTick: number
  readonly ticks: Ticks
  /** Until when maintenance keeps runs of the job from beginning; null: nothing does. */
  readonly heldUntil: number | null
}

export type Due =
  /** A run is to be made of `tick`, the newest one that has passed; `missed` others passed before it without a run. */
  | { readonly kind: 'run'; readonly tick: number; readonly missed: number; readonly late: boolean }
  /** `lastTick` is there when the stored one is of no use any more: the clock was set back. */
  | { readonly kind: 'wait'; readonly until: number; readonly lastTick?: number }
  | { readonly kind: 'never' }

/** A run that begins later than this after its tick is one that was caught up. */
export const LATE_MS = 60_000
/** Missed ticks are counted so far. */
export const MOST_MISSED = 500

/**
 * Ticks that were missed (the server was down, maintenance, the clock jumped ahead) make one run together. A clock that is set back a little
 * does not run a tick twice; one that was set back by more than two ticks was wrong before, and what it said is forgotten.
 */
export function judgeDue({ now, lastTick, ticks, heldUntil }: DueFacts): Due {
  const next = ticks.after(lastTick)
  if (next === null) return { kind: 'never' }
  if (next > now) return waitFor(next, lastTick, now, ticks)
  if (heldUntil !== null && heldUntil > now) return { kind: 'wait', until: heldUntil }
  const tick = ticks.atOrBefore(now) ?? next
  const missed = tick === next ? 0 : ticks.count(lastTick, tick, MOST_MISSED + 1) - 1
  return { kind: 'run', tick, missed, late: now - tick > LATE_MS }
}

function waitFor(next: number, lastTick: number, now: number, ticks: Ticks): Due {
  if (lastTick <= now || next - now <= 2 * (next - lastTick)) return { kind: 'wait', until: next }
  const upcoming = ticks.after(now)
  return upcoming === null ? { kind: 'never' } : { kind: 'wait', until: upcoming, lastTick: now }
}
