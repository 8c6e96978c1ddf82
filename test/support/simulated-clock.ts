/** A clock that stands still until a test moves it; wake-ups happen in order of their time, each at its own instant. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../src/jobs/clock.ts'

export interface SimulatedClock extends Clock {
  /** Moves on to a time, past every wake-up on the way; between them what they began goes on as far as it can by itself. */
  moveTo(time: number): Promise<void>
  moveBy(milliseconds: number): Promise<void>
  /** The clock is set, and no time passes: wake-ups that are due by it then happen at once. */
  set(time: number): Promise<void>
  /** The same, while nobody is there to be woken. */
  jump(time: number): void
  /** Every wake-up is forgotten, as when the process is killed that asked for it. */
  forget(): void
  /** Wake-ups that were asked for and neither happened nor were called off. */
  readonly waiting: number
}

/** @param settle lets everything that goes on by itself go on; default: some turns of the event loop */
export function simulatedClock(start: number, settle: () => Promise<void> = someTurns): SimulatedClock {
  let now = start
  let passed = 0
  let order = 0
  const instants = new Wakes()
  const spans = new Wakes()
  const listeners = new Set<() => void>()
  const ask = (wakes: Wakes, at: number, then: () => void) => {
    const wake: Wake = { at, order: order++, then, place: -1 }
    wakes.add(wake)
    return () => wakes.remove(wake)
  }

  /** The next wake-up, and how long until it. */
  function next(): { readonly wakes: Wakes; readonly wake: Wake; readonly left: number } | undefined {
    const [instant, span] = [instants.first, spans.first]
    const [untilInstant, untilSpan] = [(instant?.at ?? Infinity) - now, (span?.at ?? Infinity) - passed]
    if (instant !== undefined && (untilInstant < untilSpan || (untilInstant === untilSpan && instant.order < (span?.order ?? Infinity))))
      return { wakes: instants, wake: instant, left: Math.max(0, untilInstant) }
    return span === undefined ? undefined : { wakes: spans, wake: span, left: Math.max(0, untilSpan) }
  }

  async function pass(milliseconds: number): Promise<void> {
    const end = passed + milliseconds
    await settle()
    for (let found = next(); found !== undefined && passed + found.left <= end; found = next()) {
      found.wakes.remove(found.wake)
      now += found.left
      passed += found.left
      found.wake.then()
      await settle()
    }
    now += end - passed
    passed = end
  }

  const clock: SimulatedClock = {
    now: () => now,
    wakeAt: (at, then) => ask(instants, at, then),
    wakeAfter: (milliseconds, then) => ask(spans, passed + milliseconds, then),
    onSetBack(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    moveTo: (time) => pass(Math.max(0, time - now)),
    moveBy: pass,
    async set(time) {
      const back = time < now
      now = time
      if (back) for (const listener of listeners) listener()
      await pass(0)
    },
    jump(time) {
      now = time
    },
    forget() {
      instants.clear()
      spans.clear()
      listeners.clear()
    },
    get waiting() {
      return instants.size + spans.size
    },
  }
  return clock
}

interface Wake {
  readonly at: number
  readonly order: number
  readonly then: () => void
  place: number
}

/** A heap, from which any can be taken out. */
class Wakes {
  readonly #heap: Wake[] = []

  get first(): Wake | undefined {
    return this.#heap[0]
  }

  get size(): number {
    return this.#heap.length
  }

  add(wake: Wake): void {
    this.#place(wake, this.#heap.length)
    this.#up(wake)
  }

  remove(wake: Wake): void {
    const at = wake.place
    if (at < 0) return
    wake.place = -1
    const last = this.#heap.pop() as Wake
    if (last === wake) return
    this.#place(last, at)
    this.#up(last)
    this.#down(last)
  }

  clear(): void {
    for (const wake of this.#heap.splice(0)) wake.place = -1
  }

  #place(wake: Wake, at: number): void {
    this.#heap[at] = wake
    wake.place = at
  }

  #up(wake: Wake): void {
    for (let at = wake.place; at > 0; at = wake.place) {
      const parent = this.#heap[(at - 1) >> 1] as Wake
      if (!before(wake, parent)) return
      this.#place(parent, at)
      this.#place(wake, (at - 1) >> 1)
    }
  }

  #down(wake: Wake): void {
    for (let at = wake.place; 2 * at + 1 < this.#heap.length; at = wake.place) {
      const [left, right] = [this.#heap[2 * at + 1] as Wake, this.#heap[2 * at + 2]]
      const child = right !== undefined && before(right, left) ? right : left
      if (!before(child, wake)) return
      const place = child.place
      this.#place(child, at)
      this.#place(wake, place)
    }
  }
}

const before = (a: Wake, b: Wake): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

async function someTurns(): Promise<void> {
  for (let nth = 0; nth < 3; nth++) await turn()
}
