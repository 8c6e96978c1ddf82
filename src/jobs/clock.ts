/** Time as the control plane sees it: given from outside, so that tests move it, backwards too. */
export interface Clock {
  /** Milliseconds since the epoch; may jump, in both directions. */
  now(): number
  /** Runs `then` once, when the clock shows that time or as soon as possible after it. What is given back calls it off. */
  wakeAt(at: number, then: () => void): () => void
  /** Runs `then` once, when so many milliseconds have passed, whatever the clock is set to meanwhile. */
  wakeAfter(milliseconds: number, then: () => void): () => void
  /** Told when the clock was set back: who waits for an instant may wait for long now. Until what is given back is called. */
  onSetBack(listener: () => void): () => void
}

/** Timers of Node count time that passes, not what the clock says: it is asked anew this often, so that a clock that was set is noticed. */
const LOOK_AGAIN_MS = 20_000
/** By so much at least; a clock that is slewed loses less between two looks. */
const SET_BACK_MS = 1_000
/** Of a timer of Node. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  wakeAt(at, then) {
    let timer: NodeJS.Timeout
    const look = () => {
      const left = at - Date.now()
      if (left <= 0) then()
      else timer = setTimeout(look, Math.min(left, LOOK_AGAIN_MS))
    }
    timer = setTimeout(look, Math.max(0, Math.min(at - Date.now(), LOOK_AGAIN_MS)))
    return () => clearTimeout(timer)
  },
  wakeAfter(milliseconds, then) {
    const timer = setTimeout(then, Math.min(milliseconds, LONGEST_MS))
    return () => clearTimeout(timer)
  },
  onSetBack(listener) {
    const offset = () => Date.now() - performance.now()
    let last = offset()
    const timer = setInterval(() => {
      const now = offset()
      const back = last - now > SET_BACK_MS
      last = now
      if (back) listener()
    }, LOOK_AGAIN_MS)
    return () => clearInterval(timer)
  },
}
