/** Time as the control plane sees it: given from outside, so that tests move it, backwards too. */
export interface Clock {
  /** Milliseconds since the epoch; may jump, in both directions. */
  now(): number
  /** Runs `then` once, at that time or as soon as possible after it. What is given back calls it off. */
  wakeAt(at: number, then: () => void): () => void
}

/** A timer of Node counts time that passes, not what the clock says: it is asked anew this often, so that a clock that was set is noticed. */
const LOOK_AGAIN_MS = 20_000

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
}
