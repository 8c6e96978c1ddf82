/** A clock that goes only when it is told to. */
import type { Clock } from '../../src/jobs/clock.ts'

export interface MovedClock extends Clock {
  /** What is due until then happens in its order, each at its time. Forwards only what is awake notices; backwards nothing happens. */
  moveTo(at: number): void
  moveBy(ms: number): void
  /** Times that something waits for, the next one first. */
  waiting(): readonly number[]
}

export function movedClock(start: number): MovedClock {
  let now = start
  const sleepers = new Set<{ readonly at: number; readonly then: () => void }>()
  const listeners = new Set<() => void>()
  const clock: MovedClock = {
    now: () => now,
    wakeAt(at, then) {
      const sleeper = { at, then }
      sleepers.add(sleeper)
      // As soon as possible, but not before the caller has gone on.
      if (at <= now) queueMicrotask(() => wake(sleeper))
      return () => void sleepers.delete(sleeper)
    },
    wakeAfter: (milliseconds, then) => clock.wakeAt(now + milliseconds, then),
    onSetBack(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    moveTo(at) {
      const back = at < now
      for (;;) {
        const [next] = [...sleepers].filter((each) => each.at <= at).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        now = Math.max(now, next.at)
        wake(next)
      }
      now = at
      if (back) for (const listener of listeners) listener()
    },
    moveBy: (ms) => clock.moveTo(now + ms),
    waiting: () => [...sleepers].map(({ at }) => at).sort((a, b) => a - b),
  }
  function wake(sleeper: { readonly then: () => void }): void {
    if (sleepers.delete(sleeper as never)) sleeper.then()
  }
  return clock
}
