/** The time, told anew again and again to everybody who shows ages: one timer a pace for the whole page. */
import { useSyncExternalStore } from 'react'

function ticker(stepMs: number) {
  let now = Date.now()
  let timer: ReturnType<typeof setInterval> | undefined
  const listeners = new Set<() => void>()
  const tell = () => {
    now = Date.now()
    for (const each of listeners) each()
  }
  return {
    subscribe(listener: () => void): () => void {
      listeners.add(listener)
      if (timer === undefined) {
        // Nobody kept it meanwhile.
        now = Date.now()
        timer = setInterval(tell, stepMs)
      }
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
    now: () => now,
  }
}

const slow = ticker(5000)
const fast = ticker(1000)

/** For ages. */
export const useNow = (): number => useSyncExternalStore(slow.subscribe, slow.now)
/** For what runs before somebody's eyes: each second. */
export const useSecond = (): number => useSyncExternalStore(fast.subscribe, fast.now)
