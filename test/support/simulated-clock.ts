/** A clock that stands still until a test moves it; wake-ups happen in order of their time, each at its own instant. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../src/jobs/clock.ts'

export interface SimulatedClock extends Clock {
  /** Moves on to a time, past every wake-up on the way; between them what they began goes on as far as it can by itself. */
  moveTo(time: number): Promise<void>
  moveBy(milliseconds: number): Promise<void>
  /** The clock is set: wake-ups that are due by it then happen at once, none on the way. */
  set(time: number): Promise<void>
  /** The same, while nobody is there to be woken. */
  jump(time: number): void
  /** Every wake-up is forgotten, as when the process is killed that asked for it. */
  forget(): void
  /** Wake-ups that were asked for and neither happened nor were called off. */
  readonly waiting: number
}

interface Wake {
  readonly at: number
  readonly order: number
  readonly then: () => void
  place: number
}

/** @param settle lets everything that goes on by itself go on; default: some turns of the event loop */
export function simulatedClock(start: number, settle: () => Promise<void> = someTurns): SimulatedClock {
  let now = start
  let order = 0
  const heap: Wake[] = []

  const before = (a: Wake, b: Wake) => a.at < b.at || (a.at === b.at && a.order < b.order)
  function place(wake: Wake, at: number): void {
    heap[at] = wake
    wake.place = at
  }
  function up(wake: Wake): void {
    let at = wake.place
    while (at > 0) {
      const parent = heap[(at - 1) >> 1] as Wake
      if (!before(wake, parent)) break
      place(parent, at)
      at = (at - 1) >> 1
    }
    place(wake, at)
  }
  function down(wake: Wake): void {
    let at = wake.place
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Wake, heap[child] as Wake)) child++
      if (!before(heap[child] as Wake, wake)) break
      place(heap[child] as Wake, at)
      at = child
    }
    place(wake, at)
  }
  function remove(wake: Wake): void {
    if (wake.place < 0) return
    const last = heap.pop() as Wake
    if (last !== wake) {
      place(last, wake.place)
      up(last)
      down(last)
    }
    wake.place = -1
  }

  async function happenUntil(time: number): Promise<void> {
    await settle()
    for (let next = heap[0]; next !== undefined && next.at <= time; next = heap[0]) {
      remove(next)
      now = Math.max(now, next.at)
      next.then()
      await settle()
    }
  }
  const clock: SimulatedClock = {
    now: () => now,
    wakeAt(at, then) {
      const wake: Wake = { at, order: order++, then, place: heap.length }
      heap.push(wake)
      up(wake)
      return () => remove(wake)
    },
    async moveTo(time) {
      await happenUntil(time)
      now = time
    },
    moveBy: (milliseconds) => clock.moveTo(now + milliseconds),
    async set(time) {
      now = time
      await happenUntil(time)
    },
    jump(time) {
      now = time
    },
    forget() {
      for (const wake of heap.splice(0)) wake.place = -1
    },
    get waiting() {
      return heap.length
    },
  }
  return clock
}

async function someTurns(): Promise<void> {
  for (let nth = 0; nth < 3; nth++) await turn()
}
